/** What the log of a running headgate says about a request. */

import assert from "node:assert/strict";
import test from "node:test";

import { getOnly, text } from "../support/answers.ts";
import { startOrigin } from "../support/origin.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

test("the line of a HEAD says with which method the upstream was asked", async (t) => {
  const origin = await startOrigin(t, getOnly(text("hello")));
  const { port, line } = await startSidecar(t, { upstream: origin.url });
  await fetch(`http://127.0.0.1:${port}/a`, { method: "HEAD" });
  const head = await line((one) => one["http.request.method"] === "HEAD");
  assert.equal(head["upstream_method"], "GET");
  assert.equal(head["head"], "convert");
});

test("log.fields is an allow-list", async (t) => {
  const origin = await startOrigin(t, text("hello"));
  const yaml = "log: { access: all, fields: [url.path, http.response.status_code, url.query] }";
  const { port, line } = await startSidecar(t, { upstream: origin.url, yaml });
  await fetch(`http://127.0.0.1:${port}/a?token=secret`);
  const { time, ...rest } = await line((one) => one["msg"] === "request");
  assert.match(String(time), /^\d{4}-/);
  const wanted = { level: "info", msg: "request", "url.path": "/a" };
  assert.deepEqual(rest, { ...wanted, "http.response.status_code": 200 });
});

test("the query is logged with log.query: true", async (t) => {
  const origin = await startOrigin(t, text("hello"));
  const yaml = "log: { access: all, query: true }";
  const { port, line } = await startSidecar(t, { upstream: origin.url, yaml });
  await fetch(`http://127.0.0.1:${port}/a?b=c`);
  assert.equal((await line((one) => one["msg"] === "request"))["url.query"], "b=c");
});

// Symptom: `PUT /p#f` was refused, and its line had `f` as its query. Root cause: the target was cut at the first `?` or `#`, and all behind
// it was the query. Fix: a fragment is cut off first, and shown nowhere.
for (const [target, query] of [
  ["/p#f", undefined],
  ["/p#f?b=c", undefined],
  ["/p?b=c#f", "b=c"],
] as const) {
  test(`of the refused target ${target} the line has the path, the query and no fragment`, async (t) => {
    const origin = await startOrigin(t, text("hello"));
    const yaml = "log: { access: all, query: true }";
    const { port, line } = await startSidecar(t, { upstream: origin.url, yaml });
    const client = await openWire(t, port);
    client.write(`PUT ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`);
    assert.equal((await client.readAnswer()).status, 400);
    const logged = await line((one) => one["http.request.method"] === "PUT");
    assert.deepEqual([logged["url.path"], logged["url.query"]], ["/p", query]);
  });
}
