// A process at its limit of file descriptors keeps its connections, refuses new ones with a reason, and recovers by itself.

// Symptom: at the limit every request that needed a new upstream connection was 500, "headgate failed".
// Root cause: the table of errors did not have EMFILE.
// Fix: EMFILE is a limit on connections that was reached: 503 with Retry-After.

import assert from "node:assert/strict";
import { once } from "node:events";
import test from "node:test";

import { text } from "../support/responses.ts";
import { FEW, exhaust } from "../support/descriptors.ts";
import { fieldValues } from "../support/message.ts";
import { startOrigin } from "../support/origin.ts";
import { startRun } from "../support/process.ts";
import { toRequest } from "../support/request.ts";
import { openWire } from "../support/wire.ts";

const GET = toRequest("GET /");

test("a process without free descriptors serves its open connections, refuses new ones, and recovers", async (t) => {
  let release = (): void => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  const origin = await startOrigin(t, async (request) => {
    if (request.target === "/held") await released;
    await text("ok")(request);
  });
  const headgate = await startRun(t, ["--upstream", origin.url], FEW);
  const [first, second, probe] = [
    await openWire(t, headgate.port),
    await openWire(t, headgate.port),
    await openWire(t, headgate.adminPort),
  ];
  probe.write(toRequest("GET /readyz"));
  assert.equal((await probe.readResponse()).status, 200);
  first.write(GET); // and leaves an upstream connection open
  assert.equal((await first.readResponse()).status, 200);

  const crowd = await exhaust(t, headgate);

  first.write(toRequest("GET /held"));
  await origin.arrival(1);
  second.write(GET);
  const refused = await second.readResponse();
  assert.equal(refused.status, 503);
  assert.deepEqual(fieldValues(refused, "proxy-status"), [
    "headgate; error=connection_limit_reached",
  ]);
  assert.deepEqual(fieldValues(refused, "retry-after"), ["1"]);
  release();
  assert.equal((await first.readResponse()).status, 200, "what it has goes on");
  probe.write(toRequest("GET /livez"));
  assert.equal((await probe.readResponse()).status, 200, "a probe that is connected is answered");

  for (const wire of crowd) wire.socket.destroy();
  await once(crowd[0]?.socket ?? assert.fail(), "close");
  second.write(GET);
  assert.equal((await second.readResponse()).status, 200);
  for (;;) {
    // The kernel may still hold connections of the crowd; headgate accepts them first and finds them closed.
    const late = await openWire(t, headgate.port);
    late.write(GET);
    const answer = await late.readResponse().catch(() => undefined);
    if (answer?.status === 200) break;
  }
  headgate.signal("SIGTERM");
  assert.deepEqual(await headgate.exited, { code: 0, signal: null });
});
