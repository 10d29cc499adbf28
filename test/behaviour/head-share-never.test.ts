/** `share` never gives one client a response that was meant for another. */

import assert from "node:assert/strict";
import test from "node:test";
import { text, toHead } from "../support/responses.ts";
import { release, startHeld } from "../support/held.ts";
import { fieldValues } from "../support/message.ts";
import { type Script, startOrigin } from "../support/origin.ts";
import { sendRequest, toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { testOverVersions } from "../support/versions.ts";

const SHARE = "head: { share: 1m }";

const OWN_REQUESTS = [
  "Authorization: Bearer a",
  "Cookie: session=a",
  "Proxy-Authorization: Basic a",
  "Range: bytes=0-1",
  'If-Range: "a"',
  'If-None-Match: "a"',
  'If-Match: "a"',
  "If-Modified-Since: Sat, 28 Nov 2026 00:00:00 GMT",
  "If-Unmodified-Since: Sat, 28 Nov 2026 00:00:00 GMT",
  "Cache-Control: no-cache",
  "Cache-Control: max-age=0",
  "Pragma: no-cache",
  "Content-Length: 1",
  "Tus-Resumable: 1.0.0",
];
for (const line of OWN_REQUESTS) {
  test(`a HEAD with ${line} neither gets a stored response nor shares its own`, async (t) => {
    const origin = await startOrigin(t, text("hello"));
    const sidecar = await startSidecar(t, { upstream: origin.url, yaml: SHARE });
    const lines = [[line], [line], [], [line], []];
    for (const fields of lines) await sendRequest(t, sidecar.port, toRequest("HEAD /x", fields));
    assert.equal(origin.arrivals.length, 4, "only the last one was told");
  });
}

test("a HEAD with credentials does not wait for one without", async (t) => {
  const held = await startHeld(t, "{ share: 1m }");
  await held.head();
  await held.origin.arrival(0);
  for (const [index, line] of ["Authorization: a", "Cookie: a=b"].entries()) {
    const wire = await held.head([line]);
    const request = await held.origin.arrival(index + 1);
    release(request, ["X-For: me", "Content-Length: 0"]);
    assert.deepEqual(fieldValues(await wire.readResponse("HEAD"), "x-for"), ["me"]);
  }
});

const OWN_RESPONSES: readonly (readonly string[])[] = [
  ["Cache-Control: no-store"],
  ["Cache-Control: max-age=60, Private"],
  ['Cache-Control: private="x-a"'],
  ["Cache-Control: no-cache"],
  ["Cache-Control: max-age=0"],
  ["Cache-Control: max-age=60", "Age: 60"],
  // Symptom: an Age that is there twice, or has ten digits, counted as 0. Root cause: an unreadable Age counted as missing.
  // Fix: of several the largest counts, more than 2^31 is 2^31 (RFC 9111 §1.2.2), and an unreadable Age does not count as young.
  ["Cache-Control: max-age=60", "Age: 60", "Age: 0"],
  ["Cache-Control: max-age=60", "Age: 0", "Age: 60"],
  ["Cache-Control: max-age=60", "Age: 0, 60"],
  ["Cache-Control: max-age=60", "Age: 9999999999"],
  ["Cache-Control: max-age=60", "Age: 99999999999999999999999999999999999"],
  ["Cache-Control: max-age=9999999999", "Age: 9999999999"],
  ["Cache-Control: max-age=60", "Age: 61.5"],
  ["Cache-Control: max-age=60", "Age: -1"],
  ["Age: yesterday"],
  ["Date: Sat, 28 Nov 2026 00:00:00 GMT", "Expires: 9999"], // not a date, though Date.parse takes it for a year
  ["Cache-Control: s-maxage=0, max-age=60"],
  ["Cache-Control: max-age=abc"],
  ["Expires: 0"],
  ["Date: Sat, 28 Nov 2026 00:00:00 GMT", "Expires: Sat, 28 Nov 2026 00:00:00 GMT"],
  ["Set-Cookie: a=b"],
  ["Vary: *"],
  ["Vary: Accept", "Vary: X-Forwarded-For"],
  ["Vary: Accept, :b"], // no field has such a name
];
for (const lines of OWN_RESPONSES) {
  test(`a response with ${lines.join(" and ")} is for its own HEAD alone`, async (t) => {
    const origin = await startOrigin(t, text("hello", lines));
    const sidecar = await startSidecar(t, { upstream: origin.url, yaml: SHARE });
    for (let round = 0; round < 3; round += 1) {
      const answer = await sendRequest(t, sidecar.port, toRequest("HEAD /x"));
      for (const line of lines) assert.ok(answer.lines.includes(line));
    }
    assert.equal(origin.arrivals.length, 3);
  });
}

for (const status of [
  "400 Bad Request",
  "406 Not Acceptable",
  "429 Too Many Requests",
  "431 Request Header Fields Too Large",
]) {
  testOverVersions(
    `${status} is for its own HEAD alone, with any freshness fields`,
    async (t, over) => {
      const script: Script = async (request) => {
        await request.completed;
        request.write(toHead(status, ["Cache-Control: public, max-age=60", "Content-Length: 0"]));
      };
      const origin = await startOrigin(t, script);
      const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml: SHARE });
      for (let round = 0; round < 3; round += 1)
        await over.sendRequest(t, sidecar.port, toRequest("HEAD /x"));
      assert.equal(origin.arrivals.length, 3);
    },
  );
}

for (const status of ["302 Found", "401 Unauthorized", "403 Forbidden"]) {
  testOverVersions(
    `${status} is for its own HEAD alone, unless it names its freshness`,
    async (t, over) => {
      const script: Script = async (request) => {
        await request.completed;
        const lines = request.target === "/fresh" ? ["Cache-Control: max-age=60"] : [];
        request.write(toHead(status, [...lines, "Content-Length: 0"]));
      };
      const origin = await startOrigin(t, script);
      const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml: SHARE });
      for (const target of ["/x", "/x", "/fresh", "/fresh"])
        await over.sendRequest(t, sidecar.port, toRequest(`HEAD ${target}`));
      assert.equal(origin.arrivals.length, 3);
    },
  );
}

test("HEADs that waited for a response that cannot be shared are sent at once, and later ones do not wait", async (t) => {
  const held = await startHeld(t, "{ share: 1m }");
  const wires = [await held.head()];
  await held.origin.arrival(0);
  for (let count = 1; count < 5; count += 1) wires.push(await held.head());
  await held.inFlight(5);
  assert.equal(held.origin.arrivals.length, 1);
  release(held.origin.arrivals[0], ["Set-Cookie: n=0", "Content-Length: 0"]);
  await held.origin.arrival(4); // none of them has waited for another
  wires.push(await held.head(), await held.head());
  await held.origin.arrival(6); // neither has the second of these for the first
  for (const [index, request] of held.origin.arrivals.entries())
    if (index > 0) release(request, [`Set-Cookie: n=${index}`, "Content-Length: 0"]);
  const answers = await Promise.all(wires.map((wire) => wire.readResponse("HEAD")));
  const cookies = answers.map((answer) => fieldValues(answer, "set-cookie").join());
  assert.equal(new Set(cookies).size, 7);
});

testOverVersions(
  "one value with a colon does not equal two values, in what Vary names and elsewhere",
  async (t, over) => {
    // Symptom: `Accept: a:b`, and `Accept: a` with `Accept: b`, got each other's answer.
    // Cause: the values that Vary names were joined with a colon, which a value may hold. Fix: with what no value can hold.
    const script: Script = (request) =>
      text("hello", ["Vary: Accept", `X-Got: ${fieldValues(request, "accept").join("|")}`])(
        request,
      );
    const origin = await startOrigin(t, script);
    const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml: SHARE });
    const cases: readonly (readonly string[])[] = [
      ["a:b"],
      ["a", "b"],
      ["b", "a"],
      ["a", ":b"],
      [],
    ];
    for (const values of [...cases, ...cases]) {
      const lines = values.map((value) => `Accept: ${value}`);
      const answer = await over.sendRequest(t, sidecar.port, toRequest("HEAD /x", lines));
      assert.deepEqual(fieldValues(answer, "x-got"), [values.join("|")]);
    }
    assert.equal(origin.arrivals.length, cases.length);
  },
);

for (const mode of ["pass", "observe"]) {
  testOverVersions(`mode ${mode} shares nothing`, async (t, over) => {
    const origin = await startOrigin(t, text("hello"));
    const yaml = `head: { mode: ${mode}, share: 1m }`;
    const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml });
    for (let round = 0; round < 2; round += 1)
      await over.sendRequest(t, sidecar.port, toRequest("HEAD /x"));
    assert.equal(origin.arrivals.length, 2);
  });
}

testOverVersions("a GET never gets a response that HEADs share", async (t, over) => {
  const origin = await startOrigin(t, text("hello"));
  const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml: SHARE });
  await over.sendRequest(t, sidecar.port, toRequest("HEAD /x"));
  const answer = await over.sendRequest(t, sidecar.port, toRequest("GET /x"));
  assert.deepEqual([answer.body.toString(), fieldValues(answer, "age")], ["hello", []]);
  assert.equal(origin.arrivals.length, 2);
});
