/** `range: probe`: a HEAD of a large file costs one byte of it. */

import assert from "node:assert/strict";
import test from "node:test";
import { text, toHead } from "../support/answers.ts";
import { fieldValues } from "../support/message.ts";
import { type Origin, type Script, startOrigin } from "../support/origin.ts";
import { ask, toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";

const PROBE = "head: { range: probe }\nroutes: [{ path: '/files/{name}' }]";
const TOTAL = 2 * 1024 ** 3;

function rangesOf({ arrivals }: Origin): string[] {
  return arrivals.map((request) => fieldValues(request, "range").join() || "none");
}

/** Answers a request with a range by these lines and one byte, others by 200. */
function answering(start: string, lines: readonly string[], content = "x"): Script {
  return async (request) => {
    await request.whole;
    if (fieldValues(request, "range").length === 0) return text("whole")(request);
    request.write(toHead(start, [...lines, `Content-Length: ${content.length}`]) + content);
  };
}

test("206 with a total becomes 200 with the full Content-Length, without Content-Range, for one byte pulled on a kept connection", async (t) => {
  const lines = [`Content-Range: bytes 0-0/${TOTAL}`, 'ETag: "a"', "Accept-Ranges: bytes"];
  const origin = await startOrigin(t, answering("206 Partial Content", lines));
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml: PROBE });
  for (let round = 0; round < 2; round += 1) {
    const request = toRequest("HEAD /files/a", ["Range: bytes=5-9", 'If-Range: "b"']);
    const answer = await ask(t, sidecar.port, request);
    assert.deepEqual([answer.status, answer.reason], [200, "OK"]);
    assert.deepEqual(fieldValues(answer, "content-length"), [String(TOTAL)]);
    assert.deepEqual(fieldValues(answer, "content-range"), []);
    assert.deepEqual(fieldValues(answer, "etag"), ['"a"']);
    assert.deepEqual(fieldValues(answer, "transfer-encoding"), []);
  }
  assert.deepEqual(rangesOf(origin), ["bytes=0-0", "bytes=0-0"]);
  assert.deepEqual(fieldValues(await origin.arrival(0), "if-range"), []);
  assert.equal(origin.connections.length, 1);
  const line = await sidecar.line((one) => one["http.request.method"] === "HEAD");
  assert.deepEqual([line["head"], line["body"], line["bytes_drained"]], ["probed", "drained", 1]);
});

for (const start of ["200 OK", "404 Not Found", "304 Not Modified"]) {
  test(`${start} is used as it is`, async (t) => {
    const origin = await startOrigin(t, async (request) => {
      await request.whole;
      const length = start.startsWith("304") ? [] : ["Content-Length: 0"];
      request.write(toHead(start, ["X-A: b", ...length]));
    });
    const sidecar = await startSidecar(t, { upstream: origin.url, yaml: PROBE });
    const answer = await ask(t, sidecar.port, toRequest("HEAD /files/a"));
    assert.deepEqual(
      [`${answer.status} ${answer.reason}`, fieldValues(answer, "x-a")],
      [start, ["b"]],
    );
    assert.deepEqual(rangesOf(origin), ["bytes=0-0"]);
    assert.equal((await sidecar.line((one) => one["head"] !== undefined))["head"], "convert");
  });
}

const ODD: Readonly<Record<string, readonly [start: string, lines: readonly string[]]>> = {
  "416": ["416 Range Not Satisfiable", ["Content-Range: bytes */100"]],
  "206 without a total": ["206 Partial Content", ["Content-Range: bytes 0-0/*"]],
  "206 of several parts": [
    "206 Partial Content",
    ["Content-Type: multipart/byteranges; boundary=a"],
  ],
  "206 of another range": ["206 Partial Content", ["Content-Range: bytes 1-1/100"]],
  "206 with two totals": [
    "206 Partial Content",
    ["Content-Range: bytes 0-0/100", "Content-Range: bytes 0-0/200"],
  ],
};
for (const [what, [start, lines]] of Object.entries(ODD)) {
  test(`${what} is repeated without Range, and the route remembered`, async (t) => {
    const origin = await startOrigin(t, answering(start, lines));
    const sidecar = await startSidecar(t, { upstream: origin.url, yaml: PROBE });
    for (const target of ["/files/a", "/files/b", "/other"]) {
      const answer = await ask(t, sidecar.port, toRequest(`HEAD ${target}`));
      assert.deepEqual([answer.status, fieldValues(answer, "content-length")], [200, ["5"]]);
    }
    assert.deepEqual(rangesOf(origin), ["bytes=0-0", "none", "none", "bytes=0-0", "none"]);
  });
}

test("416 of an empty file is repeated without Range, and says nothing about the route", async (t) => {
  const lines = ["Content-Range: bytes */0"];
  const origin = await startOrigin(t, answering("416 Range Not Satisfiable", lines));
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml: PROBE });
  for (const target of ["/files/a", "/files/b"])
    assert.equal((await ask(t, sidecar.port, toRequest(`HEAD ${target}`))).status, 200);
  assert.deepEqual(rangesOf(origin), ["bytes=0-0", "none", "bytes=0-0", "none"]);
});

test("by default, for a GET and for a HEAD that is passed there is no probe", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const yaml =
    "routes: [{ path: /a, head: { range: probe } }, { path: /b, head: { mode: pass, range: probe } }]";
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml });
  for (const start of ["HEAD /x", "GET /a", "HEAD /b"])
    await ask(t, sidecar.port, toRequest(start));
  assert.deepEqual(rangesOf(origin), ["none", "none", "none"]);
});
