import assert from "node:assert/strict";
import test from "node:test";

import { ProxyError } from "../../src/http/errors.ts";
import type { Exchange } from "../../src/http/exchange.ts";
import { createRecent, type Recent } from "../../src/ops/status/recent.ts";
import { finishedExchange } from "../support/exchange.ts";

function recentOf(...exchanges: readonly Exchange[]): Recent {
  const recent = createRecent();
  for (const exchange of exchanges) recent.add(exchange);
  return recent;
}

const head = (changes: Partial<Exchange> = {}): Exchange =>
  finishedExchange({
    method: "HEAD",
    head: "convert",
    body: "drained",
    bytesDrained: 15,
    ...changes,
  });

test("a HEAD is stored with its outcome", () => {
  const [found] = recentOf(finishedExchange(), head()).heads();
  const { at, ...rest } = found ?? { at: "" };
  assert.ok(Math.abs(Date.parse(at) - Date.now()) < 60_000);
  assert.deepEqual(rest, {
    number: 1,
    method: "HEAD",
    path: "/files/a",
    route: "files",
    status: 200,
    durationMs: 5,
    head: "convert",
    body: "drained",
    bytesDrained: 15,
    bytesSpared: 0,
    error: undefined,
  });
});

test("the last fifty exchanges are stored, the newest first", () => {
  const recent = recentOf(...Array.from({ length: 120 }, () => head()));
  const numbers = recent.heads().map(({ number }) => number);
  assert.deepEqual(
    numbers,
    Array.from({ length: 50 }, (_, index) => 120 - index),
  );
});

test("failures are stored unless they are the client's", () => {
  const recent = recentOf(
    finishedExchange({ status: 500 }),
    finishedExchange({ status: 502, error: new ProxyError("connection_refused") }),
    finishedExchange({ status: 0, error: new ProxyError("client_gone") }),
    finishedExchange({ status: 400, error: new ProxyError("http_request_error") }),
    finishedExchange({ status: 404 }),
  );
  assert.deepEqual(
    recent.errors().map(({ status, error }) => [status, error]),
    [
      [502, "connection_refused"],
      [500, undefined],
    ],
  );
});

test("queries, credentials and unprintable characters are not shown", () => {
  const recent = recentOf(
    head({ target: "/a?token=secret" }),
    head({ target: "http://user:secret@host/b" }),
    head({ target: "/\u001b[31m" + "x".repeat(5000), rawFields: ["Cookie", "secret"] }),
  );
  const text = JSON.stringify(recent.heads());
  assert.doesNotMatch(text, /secret|\\u001b/);
  assert.ok(text.length < 2000);
});
