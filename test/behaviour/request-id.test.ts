/** Where the id of a request appears. */

import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";

import { text } from "../support/responses.ts";
import { type Head, fieldValues } from "../support/message.ts";
import { startOrigin } from "../support/origin.ts";
import { startSidecar } from "../support/sidecar.ts";

/** The ids that the upstream got with one request, and the one that was logged for it. */
async function ask(t: TestContext, yaml: string, headers: Record<string, string>) {
  const origin = await startOrigin(t, text("hello"));
  const { port, line } = await startSidecar(t, { upstream: origin.url, yaml });
  await fetch(`http://127.0.0.1:${port}/`, { headers });
  const logged = (await line((one) => one["msg"] === "request"))["request_id"];
  const arrival: Head = await origin.arrival(0);
  return { sent: fieldValues(arrival, "x-request-id"), logged };
}

test("an id of headgate's own appears in the log alone", async (t) => {
  const { sent, logged } = await ask(t, "", {});
  assert.deepEqual(sent, []);
  assert.match(String(logged), /^\w+-\w+$/);
});

test("a client's id is used in the log and passed on", async (t) => {
  const { sent, logged } = await ask(t, "", { "x-request-id": "abc-1" });
  assert.deepEqual({ sent, logged }, { sent: ["abc-1"], logged: "abc-1" });
});

test("with requestId: forward the upstream gets the id", async (t) => {
  const { sent, logged } = await ask(t, "requestId: forward", {});
  assert.deepEqual(sent, [logged]);
});

test("with requestId: forward a client's well-formed id does not change", async (t) => {
  const { sent } = await ask(t, "requestId: forward", { "x-request-id": "abc-1" });
  assert.deepEqual(sent, ["abc-1"]);
});

test("with requestId: forward a malformed id is replaced by the one in the log", async (t) => {
  const { sent, logged } = await ask(t, "requestId: forward", { "x-request-id": "a b" });
  assert.deepEqual(sent, [logged]);
});

test("trace context is forwarded unchanged", async (t) => {
  const origin = await startOrigin(t, text("hello"));
  const { port } = await startSidecar(t, { upstream: origin.url, yaml: "requestId: forward" });
  const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  await fetch(`http://127.0.0.1:${port}/`, { headers: { traceparent, tracestate: "a=1" } });
  const arrival = await origin.arrival(0);
  assert.deepEqual(fieldValues(arrival, "traceparent"), [traceparent]);
  assert.deepEqual(fieldValues(arrival, "tracestate"), ["a=1"]);
});
