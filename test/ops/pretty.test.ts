import assert from "node:assert/strict";
import test from "node:test";

import { ProxyError } from "../../src/http/errors.ts";
import type { Exchange } from "../../src/http/exchange.ts";
import { createLogger } from "../../src/ops/log/logger.ts";
import { toOwnPretty, toPretty } from "../../src/ops/log/pretty.ts";
import { finishedExchange, observeOne, quietMetrics } from "../support/exchange.ts";

const TIME = "2024-05-06T07:08:09.123Z";

/** The line of an exchange without its time, written as every exchange writes it. */
function lineOf(changes: Partial<Exchange>, query: "log" | "omit" = "omit"): string {
  let said = "";
  const logger = createLogger({ level: "info", format: "pretty" }, (line) => (said += line));
  observeOne(finishedExchange(changes), { logger, metrics: quietMetrics(), access: "all", query });
  assert.match(said, /^\d\d:\d\d:\d\d\.\d{3} /);
  return said.slice("12:03:04.123 ".length);
}

const pretty = (fields: Readonly<Record<string, unknown>>): string =>
  toPretty(JSON.stringify({ level: "info", time: TIME, msg: "request", ...fields }));

/*
 * Symptom: a line began with `WARN  The upstream refused the connection: …`, and its request stood somewhere after that, as
 * `http.request.method=HEAD url.path=/health`.
 * Root cause: the pretty line was the JSON line in another spelling, message first.
 * Fix: the line of an exchange begins with its request, its status, its error type and its duration.
 */
test("a failed exchange begins with its request, status, error type and duration", () => {
  const error = new ProxyError("connection_refused", {
    cause: new Error("connect ECONNREFUSED 127.0.0.1:9"),
  });
  const line = lineOf({
    method: "HEAD",
    target: "/health",
    head: "failed",
    error,
    status: 502,
    sentMs: undefined,
    respondedMs: undefined,
    endedMs: 1014.25,
  });
  assert.equal(
    line,
    'HEAD /health 502 connection_refused 14ms "The upstream refused the connection: connect ECONNREFUSED 127.0.0.1:9" ' +
      "level=warn client.address=192.0.2.7 network.protocol.version=1.1 user_agent.original=curl/8.1.2 route=files upstream=app upstream_method=GET head=failed " +
      "bytes_drained=0 request_id=id-1\n",
  );
});

test("an exchange without an error has neither a message nor a level", () => {
  const rest =
    "client.address=192.0.2.7 network.protocol.version=1.1 user_agent.original=curl/8.1.2 route=files upstream=app upstream_method=GET " +
    "upstream_ms=4 request_id=id-1\n";
  assert.equal(lineOf({}), `GET /files/a 200 5ms ${rest}`);
  assert.equal(lineOf({}, "log"), `GET /files/a?token=secret 200 5ms ${rest}`);
  assert.match(lineOf({ tunnel: true }), /^GET \/files\/a 200 5ms "tunnel" client\.address=/);
});

test("a missing field is left out", () => {
  assert.equal(pretty({}), "07:08:09.123\n");
  assert.equal(
    pretty({
      "http.response.status_code": 400,
      "error.type": "http_request_error",
      duration_ms: 0.4,
    }),
    "07:08:09.123 400 http_request_error 0.4ms\n",
  );
});

test("a duration has two digits or more, and the unit that fits", () => {
  const shown = [0, 0.004, 0.4321, 0.999, 2.44, 9.96, 14.2, 999.4, 999.6, 1234, 9960, 75_400].map(
    (ms) => pretty({ duration_ms: ms }).slice("07:08:09.123 ".length, -1),
  );
  assert.deepEqual(shown, "0ms 0ms 0.43ms 1ms 2.4ms 10ms 14ms 999ms 1s 1.2s 10s 75s".split(" "));
});

test("any other line begins with its message; its level follows unless it is info", () => {
  const own = (level: string): string =>
    toOwnPretty(
      JSON.stringify({ level, time: TIME, trigger: "file", n: 7, msg: "reloaded a.yaml" }),
    );
  assert.equal(own("info"), "07:08:09.123 reloaded a.yaml trigger=file n=7\n");
  assert.equal(own("warn"), "07:08:09.123 reloaded a.yaml level=warn trigger=file n=7\n");
});

test("a value in a pretty line can neither end the line nor look like another field", () => {
  const hostile = '/x" 200 \n\x1b[2J\x9b';
  const shown = String.raw`"/x\" 200 \\x0a\\x1b[2J\\x9b"`;
  assert.equal(
    pretty({
      "http.request.method": hostile,
      "url.path": hostile,
      "error.type": hostile,
      msg: hostile,
      a: hostile,
    }),
    `07:08:09.123 ${shown} ${shown} ${shown} ${shown} a=${shown}\n`,
  );
  assert.equal(pretty({ "url.path": "/a", "url.query": "b=1 200" }), '07:08:09.123 "/a?b=1 200"\n');
  assert.equal(
    pretty({ "url.path": "/%20/~a", "url.query": "b=1&c" }),
    "07:08:09.123 /%20/~a?b=1&c\n",
  );
});
