/** `share` when something ends: a client that disconnects, an upstream that fails. */

import assert from "node:assert/strict";
import test from "node:test";
import { getOnly } from "../support/responses.ts";
import { release, startHeld } from "../support/held.ts";
import { untilInFlight } from "../support/in-flight.ts";
import { fieldValues } from "../support/message.ts";
import { startOrigin } from "../support/origin.ts";
import { sendRequest, toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

const OK = ["X-A: b", "Content-Length: 0"];

test("the others get their response when the client of the first request has disconnected", async (t) => {
  const held = await startHeld(t, "{ share: 1m }");
  const leader = await held.head();
  const request = await held.origin.arrival(0);
  const others = [await held.head(), await held.head()];
  await held.inFlight(3);
  leader.reset();
  await held.inFlight(2);
  const late = await held.head();
  await held.inFlight(3);
  release(request, OK);
  for (const wire of [...others, late])
    assert.deepEqual(fieldValues(await wire.readResponse("HEAD"), "x-a"), ["b"]);
  const after = await sendRequest(t, held.sidecar.port, toRequest("HEAD /x"));
  assert.deepEqual(fieldValues(after, "x-a"), ["b"]);
  assert.equal(held.origin.arrivals.length, 1);
  const line = await held.sidecar.line((one) => one["error.type"] === "client_gone");
  assert.equal(line["head"], "failed");
});

test("mode auto sends GET for the others when the client of the first request has disconnected", async (t) => {
  const gets: (() => void)[] = [];
  const refusals: (() => void)[] = [];
  const origin = await startOrigin(t, (request) => {
    if (request.method === "GET") return void gets.push(() => release(request, OK));
    return new Promise<void>((resolve) => refusals.push(resolve)).then(() =>
      getOnly(() => undefined)(request),
    );
  });
  const yaml = "head: { mode: auto, share: 1m }";
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml });
  const wires = [await openWire(t, sidecar.port), await openWire(t, sidecar.port)];
  for (const [index, wire] of wires.entries()) {
    wire.write(toRequest("HEAD /x"));
    if (index === 0) await origin.arrival(0);
  }
  const other = wires[1] ?? assert.fail();
  await untilInFlight(sidecar.adminPort, 2);
  wires[0]?.reset();
  await untilInFlight(sidecar.adminPort, 1);
  refusals[0]?.();
  await origin.arrival(1);
  gets[0]?.();
  assert.deepEqual(fieldValues(await other.readResponse("HEAD"), "x-a"), ["b"]);
  assert.deepEqual(
    origin.arrivals.map(({ method }) => method),
    ["HEAD", "GET"],
  );
});

test("the upstream request is cancelled when all clients have disconnected, and the next HEAD is sent anew", async (t) => {
  const held = await startHeld(t, "{ share: 1m }");
  const wires = [await held.head()];
  const request = await held.origin.arrival(0);
  wires.push(await held.head(), await held.head());
  await held.inFlight(3);
  for (const wire of wires) wire.reset();
  await request.connection.closed;
  const next = await held.head();
  release(await held.origin.arrival(1), OK);
  assert.equal((await next.readResponse("HEAD")).status, 200);
});

test("one of the waiting clients may disconnect without harm", async (t) => {
  const held = await startHeld(t, "{ share: 1m }");
  const leader = await held.head();
  const request = await held.origin.arrival(0);
  const gone = await held.head();
  const other = await held.head();
  await held.inFlight(3);
  gone.reset();
  const line = await held.sidecar.line((one) => one["error.type"] === "client_gone");
  assert.deepEqual([line["head"], line["upstream_method"]], ["failed", undefined]);
  release(request, OK);
  for (const wire of [leader, other]) assert.equal((await wire.readResponse("HEAD")).status, 200);
});

test("a HEAD that had to be sent alone after all is cancelled when its client disconnects", async (t) => {
  const held = await startHeld(t, "{ share: 1m }");
  const leader = await held.head();
  const request = await held.origin.arrival(0);
  const other = await held.head();
  await held.inFlight(2);
  release(request, ["Set-Cookie: a=b", "Content-Length: 0"]);
  await leader.readResponse("HEAD");
  const own = await held.origin.arrival(1);
  other.reset();
  await own.connection.closed;
});

test("a connection error is for the waiting HEADs only, not for later ones", async (t) => {
  const held = await startHeld(t, "{ share: 1m }");
  const wires = [await held.head()];
  const request = await held.origin.arrival(0);
  wires.push(await held.head(), await held.head());
  await held.inFlight(3);
  request.end();
  for (const wire of wires) assert.equal((await wire.readResponse("HEAD")).status, 502);
  assert.equal(held.origin.arrivals.length, 1);
  const next = await held.head();
  release(await held.origin.arrival(1), OK);
  assert.equal((await next.readResponse("HEAD")).status, 200);
});

test("an upstream that does not respond in time costs all waiting HEADs one request and a 504", async (t) => {
  const origin = await startOrigin(t, () => undefined);
  const yaml = "routes: [{ path: /x, responseTimeout: 50ms, head: { share: 1m } }]";
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml });
  const wires = await Promise.all([1, 2, 3].map(() => openWire(t, sidecar.port)));
  for (const wire of wires) wire.write(toRequest("HEAD /x"));
  for (const wire of wires) assert.equal((await wire.readResponse("HEAD")).status, 504);
  assert.equal(origin.arrivals.length, 1);
});

test("a 503 of the upstream is for the waiting HEADs only, not for later ones", async (t) => {
  const held = await startHeld(t, "{ share: 1m }");
  const wires = [await held.head()];
  const request = await held.origin.arrival(0);
  wires.push(await held.head(), await held.head());
  await held.inFlight(3);
  request.write("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
  for (const wire of wires) assert.equal((await wire.readResponse("HEAD")).status, 503);
  assert.equal(held.origin.arrivals.length, 1);
  const next = await held.head();
  release(await held.origin.arrival(1), OK);
  assert.equal((await next.readResponse("HEAD")).status, 200);
});

test("a response that was requested before its target changed is not stored, and no HEAD waits for it any more", async (t) => {
  const held = await startHeld(t, "{ share: 1m }");
  const before = await held.head();
  await held.origin.arrival(0);
  const change = await openWire(t, held.sidecar.port);
  change.write(toRequest("DELETE /x"));
  release(await held.origin.arrival(1), OK);
  await change.readResponse("DELETE");
  const after = await held.head();
  release(await held.origin.arrival(2), ["X-A: new", "Content-Length: 0"]);
  assert.deepEqual(fieldValues(await after.readResponse("HEAD"), "x-a"), ["new"]);
  release(held.origin.arrivals[0], ["X-A: old", "Content-Length: 0"]);
  assert.deepEqual(fieldValues(await before.readResponse("HEAD"), "x-a"), ["old"]);
  const last = await sendRequest(t, held.sidecar.port, toRequest("HEAD /x"));
  assert.deepEqual(fieldValues(last, "x-a"), ["new"]);
});
