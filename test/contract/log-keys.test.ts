/** Log stores index these keys and users save searches over them; they change only on purpose. */

import assert from "node:assert/strict";
import test from "node:test";

import { ProxyError } from "../../src/http/errors.ts";
import type { Exchange } from "../../src/http/exchange.ts";
import { createLogger } from "../../src/ops/log/logger.ts";
import { finishedExchange, observeOne, quietMetrics } from "../support/exchange.ts";

const ALWAYS = {
  level: "string",
  time: "string",
  "http.request.method": "string",
  "url.path": "string",
  "http.response.status_code": "number",
  "client.address": "string",
  "network.protocol.version": "string",
  "user_agent.original": "string",
  route: "string",
  upstream: "string",
  upstream_method: "string",
  duration_ms: "number",
  upstream_ms: "number",
  request_id: "string",
  msg: "string",
};

function typesOf(exchange: Exchange, query: "log" | "omit"): Record<string, string> {
  let written = "{}";
  const logger = createLogger({ level: "info", format: "json" }, (line) => {
    written = line;
  });
  observeOne(exchange, { logger, metrics: quietMetrics(), access: "all", query });
  const line = JSON.parse(written) as Record<string, unknown>;
  assert.equal(new Date(String(line["time"])).toISOString(), line["time"]);
  return Object.fromEntries(Object.entries(line).map(([key, value]) => [key, typeof value]));
}

test("a plain exchange's line has exactly these keys, all of them flat", () => {
  assert.deepEqual(typesOf(finishedExchange(), "omit"), ALWAYS);
});

test("a HEAD adds its outcome", () => {
  const head = finishedExchange({
    method: "HEAD",
    head: "convert",
    body: "drained",
    bytesDrained: 15,
  });
  assert.deepEqual(typesOf(head, "omit"), {
    ...ALWAYS,
    head: "string",
    body: "string",
    bytes_drained: "number",
  });
});

test("a failure, a trace and a configured query add one key each, a fault of headgate's own its stack", () => {
  const failed = finishedExchange({
    rawFields: [
      "User-Agent",
      "a",
      "traceparent",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ],
    error: new ProxyError("proxy_internal_error", { cause: new Error("x") }),
  });
  assert.deepEqual(typesOf(failed, "log"), {
    ...ALWAYS,
    "error.type": "string",
    trace_id: "string",
    "url.query": "string",
    "exception.stacktrace": "string",
  });
});
