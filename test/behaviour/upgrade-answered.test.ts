// Symptom: after a refused upgrade neither the connection nor its tunnel ever ended, and a stop took the whole grace period.
// Root cause: node ends a connection after its last response only where it made the response itself, and the relay of the
// refusal waits for that end.
// Fix: who makes a response on a socket that was taken off HTTP ends that socket after it.

import assert from "node:assert/strict";
import test from "node:test";

import { chunked, text, toHead } from "../support/answers.ts";
import { type Script, startOrigin } from "../support/origin.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

const UPGRADE = [
  "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n",
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
].join("");

const refusals: Readonly<Record<string, Script>> = {
  "without content": (request) =>
    request.write(toHead("403 Forbidden", ["Content-Length: 0", "Connection: close"])),
  "with content": text("no"),
  "in chunks": chunked(["n", "o"]),
};

for (const [kind, script] of Object.entries(refusals)) {
  test(`a refused upgrade answered ${kind} ends its connection and its exchange`, async (t) => {
    const origin = await startOrigin(t, script);
    const sidecar = await startSidecar(t, { upstream: origin.url });
    const client = await openWire(t, sidecar.port);
    client.write(UPGRADE);
    await client.readAnswer();
    assert.equal(await client.closed, "end");
    client.halfClose();
    await sidecar.line((line) => line["url.path"] === "/ws");
    assert.equal(await sidecar.stop(), 0);
  });
}

test("an upgrade for which there is no upstream is answered, and its connection ended", async (t) => {
  const sidecar = await startSidecar(t, { upstream: "unix:/nowhere" });
  const client = await openWire(t, sidecar.port);
  client.write(UPGRADE);
  assert.equal((await client.readAnswer()).status, 502);
  assert.equal(await client.closed, "end");
});

test("a client that never closes after a refused upgrade is cut off", async (t) => {
  const sidecar = await startSidecar(t, { upstream: "unix:/nowhere" });
  const client = await openWire(t, sidecar.port);
  client.write(UPGRADE);
  await client.closed;
  assert.equal(await sidecar.stop(), 0);
});
