/**
 * `share` if a response is for its own HEAD alone.
 *
 * Symptom: one HEAD that the backend refused (406 for its Accept, 429) switched sharing off for all clients for ten seconds, and all
 * HEADs that had waited for it were sent at once: 697 of 697 HEADs reached a backend that was at its limit, 4 of 688 before.
 * Root cause: "this response cannot be shared" was remembered for all requests that may share a response, not only for those that equal the
 * refused request, and one such response counted as proof that the target has no other kind.
 * Fix: it is remembered for equal requests only (ignored fields and client address included); the others share a new request, and each is
 * sent alone only after a second, different request got such a response too.
 */

import assert from "node:assert/strict";
import test from "node:test";
import { toHead } from "../support/responses.ts";
import { type Held, release, startHeld } from "../support/held.ts";
import { untilInFlight } from "../support/in-flight.ts";
import { fieldValues } from "../support/message.ts";
import { startOrigin } from "../support/origin.ts";
import { sendRequest, toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { type Wire, openWire } from "../support/wire.ts";

const OK = ["X-A: b", "Content-Length: 0"];

function toLines(count: number): string[][] {
  return Array.from({ length: count }, (_, index) => [`User-Agent: probe/${index}`]);
}

async function headAll(held: Held, all: readonly (readonly string[])[]): Promise<Wire[]> {
  const wires: Wire[] = [];
  for (const lines of all) wires.push(await held.head(lines));
  return wires;
}

for (const refusal of [
  "406 Not Acceptable",
  "429 Too Many Requests",
  "403 Forbidden",
  "200 OK\r\nSet-Cookie: a=b",
]) {
  test(`${JSON.stringify(refusal)} for one HEAD costs the others one request in all`, async (t) => {
    const held = await startHeld(t, "{ share: 1m }");
    const odd = await held.head(["Accept: x/y"]);
    const first = await held.origin.arrival(0);
    const others = await headAll(held, toLines(20));
    await held.inFlight(21);
    first.write(toHead(refusal, ["Content-Length: 0"]));
    assert.equal((await odd.readResponse("HEAD")).status, Number(refusal.slice(0, 3)));
    const second = await held.origin.arrival(1);
    others.push(...(await headAll(held, toLines(3)))); // they wait as well
    await held.inFlight(23);
    assert.equal(held.origin.arrivals.length, 2);
    release(second, OK);
    for (const wire of others)
      assert.deepEqual(fieldValues(await wire.readResponse("HEAD"), "x-a"), ["b"]);
    assert.equal((await sendRequest(t, held.sidecar.port, toRequest("HEAD /x"))).status, 200);
    assert.equal(held.origin.arrivals.length, 2);
  });
}

test("a refused HEAD changes nothing for later ones, except for its equals, which are sent alone", async (t) => {
  const origin = await startOrigin(t, async (request) => {
    await request.completed;
    if (fieldValues(request, "accept").join() === "x/y")
      request.write(toHead("406 Not Acceptable", ["Content-Length: 0"]));
  });
  const yaml = "head: { share: 1m }";
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml });
  const refused = toRequest("HEAD /x", ["Accept: x/y"]);
  assert.equal((await sendRequest(t, sidecar.port, refused)).status, 406);

  const wires: Wire[] = [];
  for (const lines of toLines(20)) {
    const wire = await openWire(t, sidecar.port);
    wire.write(toRequest("HEAD /x", lines));
    wires.push(wire);
  }
  const leader = await origin.arrival(1);
  await untilInFlight(sidecar.adminPort, 20);
  // Neither waits for the twenty, whose response might not come before the test ends.
  for (let round = 0; round < 2; round += 1)
    assert.equal((await sendRequest(t, sidecar.port, refused)).status, 406);
  assert.equal(origin.arrivals.length, 4);
  release(leader, OK);
  for (const wire of wires) assert.equal((await wire.readResponse("HEAD")).status, 200);
  assert.equal(origin.arrivals.length, 4);
});

test("if the response to a second, different HEAD cannot be shared either, the others are sent at once, equal ones together", async (t) => {
  const held = await startHeld(t, "{ share: 1m }");
  const wires = [await held.head(["Accept: a"])];
  await held.origin.arrival(0);
  wires.push(...(await headAll(held, toLines(6))), ...(await headAll(held, toLines(6))));
  await held.inFlight(13);
  const refuse = (index: number): void =>
    release(held.origin.arrivals[index], [`Set-Cookie: n=${index}`, "Content-Length: 0"]);
  refuse(0);
  const second = await held.origin.arrival(1);
  await held.inFlight(12);
  assert.equal(held.origin.arrivals.length, 2, "they ask again together");
  refuse(1);
  // The equal of the second HEAD, and one of each of the other five kinds; all arrive before one of them gets a response.
  await held.origin.arrival(7);
  await held.inFlight(11);
  assert.equal(held.origin.arrivals.length, 8);
  const agents = held.origin.arrivals.slice(2).map((one) => fieldValues(one, "user-agent").join());
  assert.equal(new Set(agents).size, 6);
  assert.ok(agents.includes(fieldValues(second, "user-agent").join()));
  for (let index = 2; index < 8; index += 1) refuse(index);
  await held.origin.arrival(12); // the equals of those five
  for (let index = 8; index < 13; index += 1) refuse(index);
  const answers = await Promise.all(wires.map((wire) => wire.readResponse("HEAD")));
  const cookies = answers.map((answer) => fieldValues(answer, "set-cookie").join());
  assert.equal(new Set(cookies).size, 13, "each has an answer of its own");
});
