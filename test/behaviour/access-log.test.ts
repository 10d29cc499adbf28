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
