import assert from "node:assert/strict";
import test from "node:test";

import { ProxyError } from "../../src/http/errors.ts";
import type { Exchange } from "../../src/http/exchange.ts";
import { createLogger } from "../../src/ops/log/logger.ts";
import { type ObserveOptions, createObserver } from "../../src/ops/observer.ts";
import { getOnly, text } from "../support/responses.ts";
import { finishedExchange, observeOne, quietMetrics } from "../support/exchange.ts";
import { startOrigin } from "../support/origin.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

/** The parsed lines that one exchange writes to the log. */
function linesOf(
  exchange: Exchange,
  options: Partial<ObserveOptions> = {},
): Record<string, unknown>[] {
  const lines: string[] = [];
  const logger = createLogger({ level: "debug", format: "json" }, (line) => lines.push(line));
  observeOne(exchange, {
    logger,
    metrics: quietMetrics(),
    access: "all",
    query: "omit",
    ...options,
  });
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

const appFailed = finishedExchange({ status: 500 });
const refused = finishedExchange({
  status: 502,
  error: new ProxyError("connection_refused", {
    cause: new Error("connect ECONNREFUSED 127.0.0.1:8000"),
  }),
});
const clientGone = finishedExchange({ status: 0, error: new ProxyError("client_gone") });
const badRequest = finishedExchange({ status: 400, error: new ProxyError("http_request_error") });
const brokenResponse = finishedExchange({
  status: 200,
  error: new ProxyError("http_response_incomplete"),
});
const bug = finishedExchange({
  status: 500,
  error: new ProxyError("proxy_internal_error", { cause: new TypeError("x is not a function") }),
});

test("with access: all each exchange writes one line", () => {
  assert.equal(linesOf(finishedExchange()).length, 1);
});

test("with access: errors only failures and 5xx write a line", () => {
  for (const exchange of [appFailed, refused, badRequest, brokenResponse, bug]) {
    assert.equal(linesOf(exchange, { access: "errors" }).length, 1);
  }
  assert.deepEqual(linesOf(finishedExchange(), { access: "errors" }), []);
  assert.deepEqual(linesOf(finishedExchange({ status: 404 }), { access: "errors" }), []);
});

test("a client that disconnects is not an error", () => {
  assert.deepEqual(linesOf(clientGone, { access: "errors" }), []);
  assert.equal(linesOf(clientGone)[0]?.["level"], "info");
  assert.equal(linesOf(clientGone)[0]?.["http.response.status_code"], 499);
});

test("an exchange below the log's level writes no line", () => {
  const lines: string[] = [];
  const logger = createLogger({ level: "warn", format: "json" }, (line) => lines.push(line));
  for (const exchange of [finishedExchange(), badRequest, appFailed]) {
    observeOne(exchange, { logger, metrics: quietMetrics(), access: "all", query: "omit" });
  }
  assert.equal(lines.length, 1);
});

test("with log.fields a line has only these fields, in their order, and the query only if it is set", () => {
  const fields = ["route", "url.query", "http.request.method", "route"] as const;
  for (const [query, expected] of [
    ["omit", "route http.request.method"] as const,
    ["log", "route url.query http.request.method"] as const,
  ]) {
    let line = "";
    const logger = createLogger({ level: "info", format: "json" }, (each) => (line = each));
    const options = { logger, metrics: quietMetrics(), access: "all", query, fields } as const;
    observeOne(finishedExchange(), options);
    const keys = Array.from(line.matchAll(/"([^"]+)":/g), ([, key]) => key);
    assert.equal(keys.join(" "), `level time ${expected} msg`);
  }
});

test("exchanges that wait together write a line each, in order", () => {
  const lines: string[] = [];
  const logger = createLogger({ level: "info", format: "json" }, (line) => lines.push(line));
  const metrics = quietMetrics();
  const observer = createObserver({ logger, metrics, access: "all", query: "omit" });
  const ids = Array.from({ length: 200 }, (_, index) => `id-${index}`);
  for (const id of ids) observer.observe(finishedExchange({ id }));
  observer.flush();
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { request_id: string }).request_id),
    ids,
  );
});

test("with access: off nothing is logged and everything is counted", async () => {
  const metrics = quietMetrics();
  assert.deepEqual(linesOf(bug, { access: "off", metrics }), []);
  assert.match((await metrics.text()).body, /^headgate_requests_total\{.*code="500".*\} 1$/m);
});

test("the level depends on who has to act", () => {
  const levels = [finishedExchange(), badRequest, appFailed, refused, brokenResponse, bug].map(
    (exchange) => linesOf(exchange)[0]?.["level"],
  );
  assert.deepEqual(levels, ["info", "info", "warn", "warn", "warn", "error"]);
});

test("the message of a failure has its cause, and a fault of headgate's own its stack", () => {
  assert.equal(
    linesOf(refused)[0]?.["msg"],
    "The upstream refused the connection: connect ECONNREFUSED 127.0.0.1:8000",
  );
  assert.equal(linesOf(refused)[0]?.["exception.stacktrace"], undefined);
  assert.match(
    String(linesOf(bug)[0]?.["exception.stacktrace"]),
    /^TypeError: x is not a function \| at .*observe\.test/,
  );
});

test("the query is logged only if log.query is set", () => {
  assert.ok(!JSON.stringify(linesOf(finishedExchange())).includes("secret"));
  assert.equal(linesOf(finishedExchange(), { query: "log" })[0]?.["url.query"], "token=secret");
});

const PATHS: readonly (readonly [string, string])[] = [
  ["/a/../b//%2e?x=1", "/a/../b//%2e"],
  ["//a", "//a"],
  ["?", "/"],
  ["*", "*"],
  ["http://user:secret@example.test:80/x?y#z", "/x"],
  ["HTTP://user:secret@example.test", "/"],
  ["user:secret@example.test:443", "example.test:443"],
  ["/a#secret", "/a"],
];
for (const [target, path] of PATHS) {
  test(`of the target ${target} the log shows ${path}`, () =>
    assert.equal(linesOf(finishedExchange({ target }))[0]?.["url.path"], path));
}

// Symptom: bytes that are no request were logged with the method "" and the path "/".
// Root cause: unknown values are empty, and an empty target is shown as the path that it stands for.
// Fix: both keys are left out.
test("for bytes that are no request the log has neither method nor path", () => {
  const error = new ProxyError("http_request_error");
  const [line = {}] = linesOf(finishedExchange({ method: "", target: "", rawFields: [], error }));
  const unknown = ["http.request.method", "url.path", "url.query", "user_agent.original"];
  assert.deepEqual(
    unknown.filter((key) => key in line),
    [],
  );
});

test("credentials and cookies never reach the log", () => {
  const rawFields = [
    "Authorization",
    "Bearer secret",
    "Cookie",
    "sid=secret",
    "Proxy-Authorization",
    "secret",
  ];
  const lines = JSON.stringify(linesOf(finishedExchange({ rawFields }), { query: "log" }));
  const others = lines.replace("token=secret", "");
  assert.ok(!others.includes("secret"), others);
});

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENTS: readonly (readonly [string, string | undefined])[] = [
  [`00-${TRACE}-00f067aa0ba902b7-01`, TRACE],
  [`cc-${TRACE}-00f067aa0ba902b7-01-what-the-future-brings`, TRACE],
  [`ff-${TRACE}-00f067aa0ba902b7-01`, undefined],
  [`00-${"0".repeat(32)}-00f067aa0ba902b7-01`, undefined],
  [`00-${TRACE}-${"0".repeat(16)}-01`, undefined],
  [`00-${TRACE}-00f067aa0ba902b7-01-`, undefined],
  [`00-${TRACE}-00f067aa0ba902b7-01-what-the-future-brings`, undefined],
  [`cc-${TRACE}-${"0".repeat(16)}-01-x`, undefined],
  [`cc-${TRACE}-00f067aa0ba902b7-01`, TRACE],
  [`00-${TRACE.toUpperCase()}-00f067aa0ba902b7-01`, undefined],
  [`00-${TRACE}-00f067aa0ba902b7-01x`, undefined],
  ["", undefined],
];
for (const [traceparent, traceId] of TRACEPARENTS) {
  test(`the traceparent ${JSON.stringify(traceparent)} gives the trace id ${traceId}`, () => {
    const rawFields = ["TraceParent", traceparent];
    assert.equal(linesOf(finishedExchange({ rawFields }))[0]?.["trace_id"], traceId);
  });
}

test("two traceparents give no trace id, as either may be wrong", () => {
  const one = `00-${TRACE}-00f067aa0ba902b7-01`;
  const rawFields = ["traceparent", one, "Traceparent", one];
  assert.equal(linesOf(finishedExchange({ rawFields }))[0]?.["trace_id"], undefined);
});

test("a line stays short with any length of a client's strings", () => {
  const long = '\x9b"'.repeat(50_000);
  const exchange = finishedExchange({
    id: long,
    method: long,
    target: long,
    clientAddress: long,
    upstreamMethod: long,
    rawFields: ["user-agent", long],
    error: new ProxyError("proxy_internal_error", { cause: new Error(long) }),
  });
  const [line] = linesOf(exchange, { query: "log" });
  assert.ok(JSON.stringify(line).length < 16 * 1024);
});

// Fields of the log of a running headgate about a request.

test("the line of a HEAD has the method that headgate sent upstream", async (t) => {
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

// Symptom: `PUT /p#f` was refused, and its line had `f` as its query. Root cause: the target was cut at the first `?` or `#`, and the rest
// counted as the query. Fix: a fragment is cut off first, and shown nowhere.
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
    assert.equal((await client.readResponse()).status, 400);
    const logged = await line((one) => one["http.request.method"] === "PUT");
    assert.deepEqual([logged["url.path"], logged["url.query"]], ["/p", query]);
  });
}
