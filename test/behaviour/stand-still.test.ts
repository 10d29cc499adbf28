/** How headgate treats time in which it did not run: on a busy machine, or under a limit of CPU, a process stands still. */

import assert from "node:assert/strict";
import test from "node:test";
import { setImmediate, setTimeout } from "node:timers/promises";
import { text } from "../support/responses.ts";
import { startOrigin } from "../support/origin.ts";
import { toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { standStill } from "../support/stand-still.ts";
import { readBytes, startTunnel } from "../support/upgrade.ts";
import { openWire } from "../support/wire.ts";

/** More than the second of silence after which headgate closes a connection whose last response is sent. */
const STANDSTILL_MS = 1_200;

// Symptom: on a machine that stood still for a second, a client that was still sending lost its response: EPIPE, or a reset. Root cause:
// when headgate ran again, the timer for a silent client ran before the sockets were read, and bytes that had arrived counted as silence.
// Fix: the sockets are read first.
test("a process that stands still for more than a second does not count its clients as silent", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const { port } = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, port);
  wire.write(toRequest("POST /", ["Content-Length: 5", "Expect: unknown"]));
  assert.equal((await wire.readResponse()).status, 417);
  for (let turn = 0; turn < 3; turn += 1) {
    // A connection that was closed with unread bytes was reset, and the next write fails.
    await new Promise<void>((resolve, reject) => {
      wire.socket.write("more", (error) => (error instanceof Error ? reject(error) : resolve()));
    });
    standStill(STANDSTILL_MS);
    await setTimeout(0);
    await setImmediate();
  }
});

test("an upstream connection that is established when the process runs again is no connection_timeout", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const yaml = `upstream: { url: "${origin.url}", connectTimeout: 50ms }`;
  const { port } = await startSidecar(t, { yaml });
  const wire = await openWire(t, port);
  wire.write(toRequest("GET /"));
  const response = wire.readResponse();
  // Each turn is longer than connectTimeout, including the one in which headgate connects.
  for (let turn = 0; turn < 20; turn += 1) {
    await setImmediate();
    standStill(60);
  }
  assert.equal((await response).status, 200);
});

// Symptom: after the machine had stood still for the limit's time, headgate closed tunnels whose sides were about to send. Root cause: a
// quiet tunnel was closed by the clock alone, and its sides may have stood still too. Fix: the time counts as one of the limit's four steps.
test("a process that stands still for longer than tunnelIdle does not count its tunnels as idle", async (t) => {
  const { client, upstream } = await startTunnel(t, { yaml: "timeouts: { tunnelIdle: 1s }" });
  for (let turn = 0; turn < 3; turn += 1) {
    standStill(STANDSTILL_MS);
    await setTimeout(0);
    await setImmediate();
    client.write("x");
    assert.equal(await readBytes(upstream, 1), "x");
  }
});
