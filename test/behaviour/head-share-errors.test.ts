/**
 * `share` if the backend fails.
 *
 * Symptom: a HEAD with a field that the backend cannot handle (a User-Agent of 9 KB) gave its error to every HEAD that waited for the
 * same response: 50 of 682 honest ones, 120 of 150 with a slow backend.
 * Root cause: an error was shared by the rules for responses, which ignore fields that `Vary` does not name. A backend that fails does not
 * know why it fails, and cannot name the field.
 * Fix: an error is for requests that equal the failed one. The others share a new request, that of one chosen at random; after eight errors
 * in a row each HEAD is sent alone. If nothing was sent, the backend is down and the error is for all waiting HEADs.
 */

import assert from "node:assert/strict";
import test from "node:test";
import { text, toHead } from "../support/responses.ts";
import { release, startHeld } from "../support/held.ts";
import { fieldValues } from "../support/message.ts";
import { type Arrival, startOrigin } from "../support/origin.ts";
import { toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { type Cleanup, type Wire, openWire } from "../support/wire.ts";

const OK = ["X-A: b", "Content-Length: 0"];
const CHOKES = `User-Agent: ${"x".repeat(9_000)}`;

/** Connections that are already open, so that requests written to them arrive together. */
function openAll(t: Cleanup, port: number, count: number): Promise<Wire[]> {
  return Promise.all(Array.from({ length: count }, () => openWire(t, port)));
}

const FAILURES: Readonly<Record<string, readonly [status: number, fail: (of: Arrival) => void]>> = {
  "a 500": [500, (of) => of.write(toHead("500 Oops", ["Content-Length: 0"]))],
  "a 500 that says for how long it is good": [
    500,
    (of) =>
      of.write(toHead("500 Oops", ["Cache-Control: public, max-age=60", "Content-Length: 0"])),
  ],
  "a 503": [503, (of) => of.write(toHead("503 Busy", ["Retry-After: 9", "Content-Length: 0"]))],
  "a reset": [502, (of) => of.reset()],
  "an end without an answer": [502, (of) => of.end()],
  "an answer that is not HTTP": [502, (of) => of.write("nonsense\r\n\r\n")],
  "a header section that breaks off": [
    502,
    (of) => {
      of.write("HTTP/1.1 200 OK\r\nX-A: ");
      of.end();
    },
  ],
};
for (const [what, [status, fail]] of Object.entries(FAILURES)) {
  test(`${what} is for HEADs with equal fields; the others share a new request`, async (t) => {
    const held = await startHeld(t, "{ share: 1m }");
    const odd = [await held.head([CHOKES])];
    const first = await held.origin.arrival(0);
    const others: Wire[] = [];
    for (let count = 0; count < 20; count += 1) {
      others.push(await held.head([`User-Agent: probe/${count}`, `X-Request-Id: ${count}`]));
      if (count % 5 === 0) odd.push(await held.head([CHOKES]));
    }
    await held.inFlight(25);
    fail(first);
    for (const wire of odd) assert.equal((await wire.readResponse("HEAD")).status, status);
    const second = await held.origin.arrival(1);
    await held.inFlight(20);
    release(second, OK);
    for (const wire of others)
      assert.deepEqual(fieldValues(await wire.readResponse("HEAD"), "x-a"), ["b"]);
    assert.equal(held.origin.arrivals.length, 2);
  });
}

test("a response that does not come in time is for HEADs with equal fields; the others share a new request", async (t) => {
  const origin = await startOrigin(t, (request) =>
    fieldValues(request, "user-agent").join() === "odd" ? undefined : text("hello")(request),
  );
  const yaml = "routes: [{ path: /x, responseTimeout: 1s, head: { share: 1m } }]";
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml });
  const agents = ["odd", "odd", "a", "b", "c"];
  const wires = await openAll(t, sidecar.port, agents.length);
  for (const [index, wire] of wires.entries()) {
    wire.write(toRequest("HEAD /x", [`User-Agent: ${agents[index]}`]));
    await origin.arrival(0);
  }
  const answers = await Promise.all(wires.map((wire) => wire.readResponse("HEAD")));
  assert.deepEqual(
    answers.map((answer) => answer.status),
    [504, 504, 200, 200, 200],
  );
  assert.equal(origin.arrivals.length, 2);
});

test("a client that disconnects during the new request takes nothing from the others", async (t) => {
  const held = await startHeld(t, "{ share: 1m }");
  const odd = await held.head([CHOKES]);
  const first = await held.origin.arrival(0);
  const others: Wire[] = [];
  for (let count = 0; count < 5; count += 1)
    others.push(await held.head([`User-Agent: probe/${count}`]));
  await held.inFlight(6);
  first.reset();
  assert.equal((await odd.readResponse("HEAD")).status, 502);
  const second = await held.origin.arrival(1);
  const asking = Number(fieldValues(second, "user-agent").join().slice(6));
  others[asking]?.reset();
  others[(asking + 1) % 5]?.reset();
  await held.inFlight(3);
  release(second, OK);
  for (const [index, wire] of others.entries())
    if (index !== asking && index !== (asking + 1) % 5)
      assert.equal((await wire.readResponse("HEAD")).status, 200);
  assert.equal(held.origin.arrivals.length, 2);
});

test("the new request is cancelled when all its waiting clients disconnect", async (t) => {
  const held = await startHeld(t, "{ share: 1m }");
  const odd = await held.head([CHOKES]);
  const first = await held.origin.arrival(0);
  const others = [await held.head(["User-Agent: a"]), await held.head(["User-Agent: b"])];
  await held.inFlight(3);
  first.reset();
  assert.equal((await odd.readResponse("HEAD")).status, 502);
  const second = await held.origin.arrival(1);
  for (const wire of others) wire.reset();
  await second.connection.closed;
  await held.inFlight(0);
  assert.equal(held.origin.arrivals.length, 2);
});

test("after eight errors in a row each HEAD of a crowd is sent alone, and gets no other HEAD's error", async (t) => {
  // Symptom: eight chosen HEADs that fail in a row gave their error to all waiting HEADs.
  // Root cause: eight errors counted as the backend's. Fix: they end the waiting, and nothing else.
  const held = await startHeld(t, "{ share: 1m }");
  const wires: Wire[] = [];
  for (let count = 0; count < 30; count += 1) {
    wires.push(await held.head([`User-Agent: probe/${count}`]));
    await held.origin.arrival(0);
  }
  await held.inFlight(30);
  const failed = new Set<number>();
  for (let round = 0; round < 8; round += 1) {
    const request = await held.origin.arrival(round);
    assert.equal(held.origin.arrivals.length, round + 1);
    failed.add(Number(fieldValues(request, "user-agent").join().slice(6)));
    request.write(toHead("503 Busy", ["Content-Length: 0"]));
  }
  for (let round = 8; round < 30; round += 1) release(await held.origin.arrival(round), OK);
  for (const [index, wire] of wires.entries())
    assert.equal((await wire.readResponse("HEAD")).status, failed.has(index) ? 503 : 200);
  assert.equal(failed.size, 8);
  assert.equal(held.origin.arrivals.length, 30);
});

test("after eight errors in a row equal HEADs still share", async (t) => {
  const held = await startHeld(t, "{ share: 1m }");
  const wires: Wire[] = [];
  for (let count = 0; count < 8; count += 1) {
    wires.push(await held.head([`User-Agent: probe/${count}`]));
    if (count === 0) await held.origin.arrival(0);
  }
  await held.inFlight(8);
  for (let round = 0; round < 7; round += 1) {
    (await held.origin.arrival(round)).write(toHead("503 Busy", ["Content-Length: 0"]));
    await held.origin.arrival(round + 1);
  }
  for (let count = 0; count < 5; count += 1) wires.push(await held.head(["User-Agent: same"]));
  await held.inFlight(6);
  (await held.origin.arrival(7)).write(toHead("503 Busy", ["Content-Length: 0"]));
  const last = await held.origin.arrival(8);
  await held.inFlight(5);
  last.write(toHead("503 Busy", ["Content-Length: 0"]));
  for (const wire of wires) assert.equal((await wire.readResponse("HEAD")).status, 503);
  assert.equal(held.origin.arrivals.length, 9);
});

test("a crowd before a backend that does not respond in time waits for two timeouts, then each HEAD is sent alone", async (t) => {
  const origin = await startOrigin(t, () => undefined);
  const yaml = "routes: [{ path: /x, responseTimeout: 1s, head: { share: 1m } }]";
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml });
  const wires = await openAll(t, sidecar.port, 20);
  for (const [index, wire] of wires.entries())
    wire.write(toRequest("HEAD /x", [`User-Agent: probe/${index}`]));
  for (const wire of wires) assert.equal((await wire.readResponse("HEAD")).status, 504);
  assert.equal(origin.arrivals.length, 20);
});

test("if nothing was sent, no field can be the reason: a backend that is down costs a crowd one attempt", async (t) => {
  const origin = await startOrigin(t, () => undefined);
  // One connection that a request uses, and no slot to wait: later requests are refused before anything is sent.
  const yaml = [
    `upstream: { url: "${origin.url}", maxConnections: 1 }`,
    "routes: [{ path: /x, responseTimeout: 1s, head: { share: 1m } }, { path: /hold, responseTimeout: 1m }]",
  ].join("\n");
  const sidecar = await startSidecar(t, { yaml, expectsErrors: true });
  const holding = await openWire(t, sidecar.port);
  holding.write(toRequest("GET /hold"));
  await origin.arrival(0);
  const wires = await openAll(t, sidecar.port, 20);
  for (const [index, wire] of wires.entries())
    wire.write(toRequest("HEAD /x", [`User-Agent: probe/${index}`]));
  for (const wire of wires) assert.equal((await wire.readResponse("HEAD")).status, 503);
  release(origin.arrivals[0], OK);
  assert.equal((await holding.readResponse()).status, 200);
  await sidecar.stop(); // all lines are written
  const heads = sidecar.lines.filter((line) => line["head"] === "failed");
  assert.equal(heads.length, 20);
  const asked = heads.filter((line) => line["upstream_method"] !== undefined);
  assert.equal(asked.length, 1, "one HEAD asked for all");
  assert.equal(origin.arrivals.length, 1);
});
