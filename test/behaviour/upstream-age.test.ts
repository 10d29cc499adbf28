// Symptom: under steady load a connection to the old address of a name was kept for ever (blue/green).
// Root cause: a connection that is always reused within keepAlive never ended.
// Fix: upstream.maxAge, checked when a connection is taken and given back.

import assert from "node:assert/strict";
import test from "node:test";

import { text } from "../support/responses.ts";
import { startOrigin } from "../support/origin.ts";
import { toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

const GET = toRequest("GET /");

/** Sends requests until the upstream has seen a second connection; each request comes right after the response to the last one. */
async function countRequests(
  t: Parameters<typeof startSidecar>[0],
  maxAge: string,
  max: number,
): Promise<readonly number[]> {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, {
    yaml: `upstream: { url: "${origin.url}", keepAlive: 1h, maxAge: ${maxAge} }`,
  });
  const wire = await openWire(t, sidecar.port);
  for (let count = 0; count < max && origin.connections.length < 2; count += 1) {
    wire.write(GET);
    assert.equal((await wire.readResponse()).status, 200);
  }
  return origin.arrivals.map(({ connection }) => connection.number);
}

test("a connection that is older than maxAge is not reused, under any load", async (t) => {
  const numbers = await countRequests(t, "50ms", 1_000_000);
  assert.equal(numbers.at(-1), 2);
});

test("with maxAge: 0s there is no such limit", async (t) => {
  assert.deepEqual(new Set(await countRequests(t, "0s", 200)), new Set([1]));
});

test("an exchange that outlasts maxAge is not cut", async (t) => {
  const origin = await startOrigin(t, async (request) => {
    request.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na");
    await new Promise((resolve) => setTimeout(resolve, 100)); // twice maxAge
    request.write("b");
  });
  const sidecar = await startSidecar(t, {
    yaml: `upstream: { url: "${origin.url}", maxAge: 50ms }`,
  });
  const wire = await openWire(t, sidecar.port);
  wire.write(GET);
  assert.equal((await wire.readResponse()).body.toString(), "ab");
  wire.write(GET);
  await wire.readResponse();
  assert.equal(origin.connections.length, 2);
});
