/**
 * A read error that does not concern a file is no change of it.
 *
 * Symptom: at the limit of file descriptors, headgate logged "not reloaded" (and the alert for it fired), reloaded when descriptors were
 * free again, and lost its learnt state. Root cause: the watch took every reason why a file could not be read for its new content. Fix:
 * only reasons that concern the file count, such as that it is gone; a reload that met another error is repeated when the file can be read.
 */

import assert from "node:assert/strict";
import { utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { getOnly, text } from "../support/responses.ts";
import { FEW, exhaust } from "../support/descriptors.ts";
import { startOrigin } from "../support/origin.ts";
import { type Running, startRun } from "../support/process.ts";
import { toRequest } from "../support/request.ts";
import { makeDirectory } from "../support/route-file.ts";
import { openWire } from "../support/wire.ts";

/** The clients of the crowd send nothing, and must not be closed for that: descriptors would be free again. */
const PATIENT = "timeouts: { header: 10m }\n";

/** Takes all its file descriptors; returns a function that frees them. */
async function crowdOut(t: TestContext, headgate: Running): Promise<() => Promise<void>> {
  const crowd = await exhaust(t, headgate);
  return async () => {
    for (const wire of crowd) wire.socket.destroy();
    for (;;) {
      const late = await openWire(t, headgate.port);
      late.write(toRequest("OPTIONS *"));
      if ((await late.readResponse().catch(() => undefined)) !== undefined) return;
    }
  };
}

test("without a free file descriptor nothing is reloaded and nothing forgotten", async (t) => {
  const origin = await startOrigin(t, getOnly(text("x")));
  const yaml = `upstream: { url: "${origin.url}", keepAlive: 1m }\nhead: auto\n${PATIENT}`;
  const file = join(await makeDirectory(t, { "routes.yaml": yaml }), "routes.yaml");
  const headgate = await startRun(t, ["--config", file], FEW);
  const client = await openWire(t, headgate.port);
  const head = async (): Promise<string> => {
    const from = origin.arrivals.length;
    client.write(toRequest("HEAD /x"));
    assert.equal((await client.readResponse("HEAD")).status, 200);
    return origin.arrivals
      .slice(from)
      .map(({ method }) => method)
      .join(" ");
  };
  assert.equal(await head(), "HEAD GET");
  assert.equal(await head(), "GET", "it is known");

  const recover = await crowdOut(t, headgate);
  // Each touch is an event after which the watch checks the file. The number of checks is not asserted.
  for (let touches = 0; touches < 15; touches += 1) {
    utimesSync(file, touches, touches);
    await sleep(100);
  }
  await recover();
  assert.equal(await head(), "GET", "it is still known");

  writeFileSync(file, `${yaml}requestId: forward\n`);
  await headgate.printed(/"msg":"reloaded /);
  const reloads = headgate.stdout().match(/^.*"trigger":.*$/gm) ?? [];
  assert.equal(reloads.length, 1, reloads.join("\n"));
});

test("a reload that failed for lack of a descriptor is repeated when there is one", async (t) => {
  const origin = await startOrigin(t, getOnly(text("x")));
  const yaml = `upstream: { url: "${origin.url}", keepAlive: 1m }\n${PATIENT}`;
  const file = join(await makeDirectory(t, { "routes.yaml": yaml }), "routes.yaml");
  const headgate = await startRun(t, ["--config", file], FEW);
  const recover = await crowdOut(t, headgate);
  headgate.signal("SIGHUP");
  await headgate.printed(/"trigger":"SIGHUP".*"msg":"not reloaded.*EMFILE/);
  await recover();
  await headgate.printed(/"trigger":"file".*"msg":"reloaded /);
});
