/** What the log of a running headgate says about a request. */

import assert from "node:assert/strict";
import test from "node:test";

import { getOnly, text } from "../support/answers.ts";
import { startOrigin } from "../support/origin.ts";
import { startSidecar } from "../support/sidecar.ts";

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
