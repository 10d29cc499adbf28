// Symptom: one request ended the whole process, "Unhandled 'error' event: The client left before the answer was complete".
// Root cause: content whose client disconnects is destroyed with an error. The sender of that content listens only while it is sending: not
// before, in the queue or while the connection is made, and not after, when the same client's bytes could not be read.
// Fix: the content's own errors always have a listener; the exchange learns of them in other ways.

import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";

import { startOrigin } from "../support/origin.ts";
import { startRun } from "../support/process.ts";
import { sendRequest, toRequest } from "../support/request.ts";
import { makeDirectory } from "../support/route-file.ts";
import { openWire } from "../support/wire.ts";

const LEAVES = ["destroy", "resetAndDestroy", "end"] as const;
const BROKEN = [`2;${"x".repeat(40_000)}`, "5\r\nhello\r\nzz\r\n", "zz\r\n"];

test("a client that disconnects while its upload waits for a connection does not end the process", async (t) => {
  const { headgate, origin } = await start(t);
  const holder = await openWire(t, headgate.port);
  holder.write(toRequest("GET /held"));
  await origin.arrival(0);
  for (const leave of LEAVES) {
    for (const framing of ["Content-Length: 10", "Transfer-Encoding: chunked"]) {
      const client = await openWire(t, headgate.port);
      client.write(toRequest("POST /", [framing, "Expect: 100-continue"]));
      const waiting = await openWire(t, headgate.port);
      waiting.write(toRequest("POST /", [framing], "1\r\na\r\n"));
      const probe = await sendRequest(t, headgate.adminPort, toRequest("GET /livez"));
      assert.equal(probe.status, 200);
      client.socket[leave]();
      waiting.socket[leave]();
    }
  }
  await assertAlive(t, headgate);
});

test("a client with unreadable content that disconnects does not end the process", async (t) => {
  const { headgate } = await start(t);
  for (const content of BROKEN) {
    for (const leave of LEAVES) {
      const client = await openWire(t, headgate.port);
      client.write(toRequest("POST /", ["Transfer-Encoding: chunked"], content));
      await client.readResponse();
      client.socket[leave]();
    }
  }
  await assertAlive(t, headgate);
});

async function start(t: TestContext) {
  const origin = await startOrigin(t, () => undefined);
  const cwd = await makeDirectory(t, {
    "routes.yaml": `upstream: { url: "${origin.url}", maxConnections: 1 }\nlog: { access: off }\n`,
  });
  return { origin, headgate: await startRun(t, ["--config", `${cwd}/routes.yaml`]) };
}

async function assertAlive(
  t: TestContext,
  headgate: Awaited<ReturnType<typeof startRun>>,
): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) {
    const probe = await sendRequest(t, headgate.adminPort, toRequest("GET /livez"));
    assert.equal(probe.status, 200);
  }
  headgate.signal("SIGKILL");
  assert.deepEqual(await headgate.exited, { code: null, signal: "SIGKILL" });
}
