/** `share` beside the other options of `head`. */

import assert from "node:assert/strict";
import test from "node:test";
import { chunked, getOnly, text, toHead } from "../support/responses.ts";
import { fieldValues } from "../support/message.ts";
import { type Script, startOrigin } from "../support/origin.ts";
import { sendRequest, toRequest } from "../support/request.ts";
import { type Sidecar, startSidecar } from "../support/sidecar.ts";
import type { ReceivedResponse } from "../support/wire.ts";

type Context = Parameters<typeof startSidecar>[0];

/** Two HEADs, the second with the first one's response; returns how many requests they cost. */
async function askTwice(t: Context, head: string, script: Script) {
  const origin = await startOrigin(t, script);
  const yaml = `head: { share: 1m, ${head} }`;
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml });
  const answers: ReceivedResponse[] = [];
  for (let round = 0; round < 2; round += 1)
    answers.push(await sendRequest(t, sidecar.port, toRequest("HEAD /x")));
  return {
    origin,
    sidecar,
    first: answers[0] ?? assert.fail(),
    second: answers[1] ?? assert.fail(),
  };
}

async function headsOf(sidecar: Sidecar): Promise<string[]> {
  await sidecar.line((line) => line["head"] === "shared");
  return sidecar.lines.flatMap((line) =>
    line["head"] === undefined ? [] : [String(line["head"])],
  );
}

test("all HEADs get a measured length", async (t) => {
  const { origin, second } = await askTwice(
    t,
    "contentLength: measure, drain: { time: 1h }",
    chunked(["abc", "de"]),
  );
  assert.deepEqual(fieldValues(second, "content-length"), ["5"]);
  assert.deepEqual(fieldValues(second, "transfer-encoding"), []);
  assert.equal(origin.arrivals.length, 1);
});

test("all HEADs get the result of a probe", async (t) => {
  const { origin, sidecar, second } = await askTwice(t, "range: probe", async (request) => {
    await request.completed;
    const lines = ["Content-Range: bytes 0-0/1000", "Content-Length: 1"];
    request.write(`${toHead("206 Partial Content", lines)}x`);
  });
  assert.deepEqual([second.status, second.reason], [200, "OK"]);
  assert.deepEqual(fieldValues(second, "content-length"), ["1000"]);
  assert.deepEqual(fieldValues(second, "content-range"), []);
  assert.equal(origin.arrivals.length, 1);
  assert.deepEqual(await headsOf(sidecar), ["probed", "shared"]);
});

test("explain marks a HEAD that got a shared response", async (t) => {
  const { first, second } = await askTwice(t, "explain: true", text("hello"));
  assert.match(
    fieldValues(first, "proxy-status").join(),
    /^headgate; details="converted; upstream/,
  );
  assert.deepEqual(fieldValues(second, "proxy-status"), ['headgate; details="shared"']);
});

test("a shared response does not count against the limit, and one over it is not shared", async (t) => {
  const { origin, sidecar, second } = await askTwice(t, "limit: { rate: 1/h }", text("hello"));
  assert.equal(second.status, 200);
  for (let round = 0; round < 2; round += 1) {
    const answer = await sendRequest(t, sidecar.port, toRequest("HEAD /y"));
    assert.deepEqual([answer.status, fieldValues(answer, "age")], [503, []]);
  }
  assert.equal(origin.arrivals.length, 1);
});

test("all HEADs get a repaired Allow", async (t) => {
  const { second } = await askTwice(t, "allow: repair", text("hello", ["Allow: GET"]));
  assert.deepEqual(fieldValues(second, "allow"), ["GET, HEAD"]);
});

test("mode auto shares the upstream's response to a HEAD, and its response to the GET instead", async (t) => {
  const native = await askTwice(t, "mode: auto", text("hello"));
  assert.deepEqual(fieldValues(native.second, "content-length"), ["5"]);
  assert.equal(native.origin.arrivals.length, 1);
  assert.deepEqual(await headsOf(native.sidecar), ["native", "shared"]);
  const fallback = await askTwice(t, "mode: auto", getOnly(text("hello")));
  assert.equal(fallback.second.status, 200);
  assert.equal(fallback.origin.arrivals.length, 2);
  assert.deepEqual(await headsOf(fallback.sidecar), ["fallback", "shared"]);
});

test("all HEADs get a chunked GET's response without its framing", async (t) => {
  const { origin, sidecar, first, second } = await askTwice(t, "mode: convert", chunked(["abc"]));
  for (const answer of [first, second])
    assert.deepEqual(fieldValues(answer, "transfer-encoding"), []);
  const old = await sendRequest(
    t,
    sidecar.port,
    toRequest("HEAD /x HTTP/1.0", ["Host: a.example"]),
  );
  assert.equal(old.status, 200);
  assert.deepEqual(fieldValues(old, "transfer-encoding"), []);
  assert.deepEqual(fieldValues(old, "age"), ["0"]);
  assert.equal(origin.arrivals.length, 1);
});
