/** The pure rules of HTTP/2: conversion of header sections, the handshake of a WebSocket, and the budget of a connection. */

import assert from "node:assert/strict";
import test from "node:test";

import { ProxyError } from "../../src/http/errors.ts";
import { createBudget } from "../../src/server/http2/budget.ts";
import { toStreamHead } from "../../src/server/http2/stream-head.ts";
import { toStreamFields } from "../../src/server/http2/stream-fields.ts";
import { toAcceptedFields, toUpgradeRequest } from "../../src/server/http2/web-socket.ts";

const PSEUDO = [":method", "GET", ":scheme", "https", ":authority", "a.example", ":path", "/a"];

function convert(fields: readonly string[], content: "none" | "follows" = "none", max = 1_000) {
  return toStreamHead([...PSEUDO, ...fields], content, max);
}

function statusOf(raw: readonly string[], max = 1_000): number | undefined {
  const head = toStreamHead(raw, "none", max);
  return "error" in head ? head.error.status : undefined;
}

test("Host comes first, from :authority, and a Host that is the same is dropped", () => {
  const fields = ["x-a", "1", "host", "A.example"];
  assert.deepEqual(convert(fields).rawFields, ["Host", "a.example", "x-a", "1"]);
  const withoutAuthority = [":method", "GET", ":path", "/", "x-a", "1", "host", "b.example"];
  const { rawFields } = toStreamHead(withoutAuthority, "none", 1_000);
  assert.deepEqual(rawFields, ["x-a", "1", "host", "b.example"]);
});

test("the crumbs of a cookie are joined where the first one was", () => {
  const fields = ["cookie", "a=1", "x-a", "1", "cookie", "b=2", "cookie", "c=3"];
  assert.deepEqual(convert(fields).rawFields.slice(2), ["cookie", "a=1; b=2; c=3", "x-a", "1"]);
});

test("blanks around a value are removed, and no other bytes", () => {
  const fields = ["x-a", " 1\t", "host", "a.example ", "x-b", "\xa0", "cookie", "a=1; "];
  assert.deepEqual(convert(fields).rawFields.slice(2), [
    "x-a",
    "1",
    "x-b",
    "\xa0",
    "cookie",
    "a=1;",
  ]);
});

test("framing is by the length if there is one, else by whether content follows", () => {
  const framingOf = (head: ReturnType<typeof convert>) =>
    "fields" in head ? head.fields.framing : head.error;
  assert.equal(framingOf(convert([])), "none");
  assert.equal(framingOf(convert([], "follows")), "chunked");
  assert.equal(framingOf(convert(["content-length", "5"], "follows")), "length");
  assert.equal(framingOf(convert(["content-length", "0"], "follows")), "none");
  assert.deepEqual(convert([], "follows").rawFields, ["Host", "a.example"]);
});

test("what nghttp2 refuses is refused without it too", () => {
  for (const fields of [
    ["x-a", "1\r\nx-b: 2"],
    ["x-a", "1\0"],
    ["X-A", "1"],
    ["x a", "1"],
    ["x-a:", "1"],
    ["", "1"],
    ["connection", "close"],
    ["transfer-encoding", "chunked"],
    ["keep-alive", "5"],
    ["proxy-connection", "close"],
    ["upgrade", "h2c"],
    ["http2-settings", "x"],
    ["te", "gzip"],
    ["te", "trailers, gzip"],
    ["host", "b.example"],
    ["content-length", "1", "content-length", "1"],
    ["content-length", "+1"],
  ])
    assert.equal(statusOf([...PSEUDO, ...fields]), 400, JSON.stringify(fields));
  for (const pseudo of [
    [":path", "/", ":authority", "a"],
    [":method", "GET", ":authority", "a\r\nx: 1", ":path", "/"],
    [":method", "GET", ":authority", "a", ":path", "/ HTTP/1.1\r\nx: 1"],
    [":method", "GET /", ":authority", "a", ":path", "/"],
    [":method", "PRI", ":authority", "a", ":path", "/"],
    [":method", "GET", ":authority", "a", ":path", ""],
  ])
    assert.ok(statusOf(pseudo) === 400 || pseudo.at(-1) === "", JSON.stringify(pseudo));
  assert.equal(statusOf([":method", "M".repeat(65), ":path", "/"]), 501);
});

test("a header section is as large as in HTTP/1.1", () => {
  const text = "GET /a HTTP/1.1\r\nx-a: 1\r\n\r\n";
  const raw = [":method", "GET", ":path", "/a", "x-a", "1"];
  assert.equal(statusOf(raw, text.length), undefined);
  assert.equal(statusOf(raw, text.length - 1), 431);
});

/**
 * Symptom: a request whose Host made it longer than `limits.headerBytes` was forwarded, over HTTP/1.1 it got a 431. Crumbs of a cookie got
 * a 431 too early. Root cause: the fields were counted as the client sent them, where Host is a pseudo-field and each crumb a field. Fix:
 * the fields are counted as the upstream gets them.
 */
test("a header section counts with its Host and with its cookie in one field", () => {
  const text = "GET /a HTTP/1.1\r\nHost: a.example\r\ncookie: a=1; b=2\r\n\r\n";
  const raw = [...PSEUDO, "cookie", "a=1", "cookie", "b=2"];
  assert.equal(statusOf(raw, text.length), undefined);
  assert.equal(statusOf(raw, text.length - 1), 431);
  assert.equal(statusOf([...PSEUDO, "x-a", "1".repeat(1_000), "X-B", "1"]), 431, "malformed too");
});

test("what can be read of a refused request is there for its log line, without what could forge one", () => {
  const head = convert(["x-a", "1\r\n"]);
  assert.deepEqual([head.method, head.target, head.httpVersion], ["GET", "/a", "2"]);
  const forged = toStreamHead([":method", "A B", ":path", "/\r\n"], "none", 1_000);
  assert.deepEqual([forged.method, forged.target, forged.rawFields], ["", "", []]);
});

test("response fields: lower case, one list for each name, nothing of a connection", () => {
  const fields = ["X-A", "1", "Via", "x", "x-a", "2", "X-A", "3", "TE", "x", "Upgrade", "h2c"];
  assert.deepEqual({ ...toStreamFields(fields) }, { "x-a": ["1", "2", "3"], via: "x" });
  const single = ["ETag", "1", "etag", "2", "Content-Encoding", "gzip", "content-encoding", "br"];
  assert.deepEqual({ ...toStreamFields(single) }, { etag: "1", "content-encoding": "gzip, br" });
  assert.equal(toStreamFields(["__proto__", "1"])["__proto__"], "1");
  const odd = ["X-A", "a\x01b", "X-B", "\x7f", "ETag", "\x1f", "ETag", '"b"', "X-C", "\t\xe9 "];
  assert.deepEqual({ ...toStreamFields(odd) }, { etag: '"b"', "x-c": "\t\xe9 " });
});

test("the key of a WebSocket is headgate's own, and its proof is checked (RFC 6455 §1.3)", () => {
  const { key, fields } = toUpgradeRequest(["host", "a", "sec-websocket-key", "x"]);
  assert.equal(Buffer.from(key, "base64").length, 16);
  assert.deepEqual(fields.slice(0, 4), ["host", "a", "Sec-WebSocket-Key", key]);
  assert.throws(() => toUpgradeRequest(["content-length", "1"]), ProxyError);
  const sample = "dGhlIHNhbXBsZSBub25jZQ==";
  const proof = ["Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="];
  const answer = ["Connection", "Upgrade", "Upgrade", "websocket", ...proof, "X-A", "1"];
  assert.deepEqual(toAcceptedFields(sample, answer), ["X-A", "1"]);
  assert.throws(() => toAcceptedFields(key, answer), ProxyError);
  assert.throws(() => toAcceptedFields(sample, [...proof, ...proof]), ProxyError);
});

test("a budget is full at first, and grows with time up to its size", () => {
  const budget = createBudget(3, 10);
  const take = (nowMs: number): boolean => budget.take(nowMs);
  assert.deepEqual([0, 0, 0, 0, 0].map(take), [true, true, true, false, false]);
  assert.deepEqual([50, 100, 100].map(take), [false, true, false]);
  assert.deepEqual([10_000, 10_000, 10_000, 10_000].map(take), [true, true, true, false]);
});
