import assert from "node:assert/strict";
import test from "node:test";
import { ProxyError } from "../../src/http/errors.ts";
import {
  isAgreedProtocol,
  serializeHead,
  toInterimFields,
  toSwitchedFields,
  toUpgradeFields,
} from "../../src/http/upgrade.ts";

test("the fields of the request keep their places; Connection and Upgrade follow, as the token was sent", () => {
  assert.deepEqual(toUpgradeFields("GET", "WebSocket, h9", ["b", "1", "A", "2", "b", "3"]), [
    "b",
    "1",
    "A",
    "2",
    "b",
    "3",
    "Connection",
    "Upgrade",
    "Upgrade",
    "WebSocket, h9",
  ]);
});

test("a method that may have content says that it has none, once", () => {
  assert.ok(toUpgradeFields("POST", "x", []).join().startsWith("Content-Length,0,"));
  assert.deepEqual(toUpgradeFields("POST", "x", ["content-length", "0"]).slice(0, 3), [
    "content-length",
    "0",
    "Connection",
  ]);
  assert.equal(toUpgradeFields("GET", "x", [])[0], "Connection");
});

test("announced content is an error of the request", () => {
  for (const fields of [
    ["Content-Length", "1"],
    ["content-length", "x"],
    ["Transfer-Encoding", "chunked"],
  ]) {
    assert.throws(
      () => toUpgradeFields("GET", "x", fields),
      (error) => error instanceof ProxyError && error.status === 501,
    );
  }
});

test("a 101 may choose among the protocols asked for, in any case, and must choose one", () => {
  const cases: [asked: string, chosen: string[], agreed: boolean][] = [
    ["websocket", ["Upgrade", "WebSocket"], true],
    ["foo/2, websocket", ["upgrade", "websocket"], true],
    ["foo/2, bar", ["Upgrade", "bar , foo/2"], true],
    ["foo/2", ["Upgrade", "foo/1"], false],
    ["foo/2", ["Upgrade", "foo"], false],
    ["foo", ["Upgrade", "foo", "Upgrade", "bar"], false],
    ["foo", ["Upgrade", ""], false],
    ["foo", [], false],
    ["", ["Upgrade", "foo"], false],
  ];
  for (const [asked, chosen, agreed] of cases)
    assert.equal(isAgreedProtocol(asked, chosen), agreed, `${asked} ${chosen}`);
});

test("a 101 keeps Upgrade and Connection: Upgrade, even if Connection names Upgrade only among others", () => {
  const raw = [
    "X",
    "1",
    "connection",
    "close, x-hop, UPGRADE",
    "Upgrade",
    "a",
    "X-Hop",
    "2",
    "Keep-Alive",
    "3",
    "x",
    "4",
  ];
  assert.deepEqual(toSwitchedFields(raw), [
    "X",
    "1",
    "connection",
    "Upgrade",
    "Upgrade",
    "a",
    "x",
    "4",
  ]);
});

test("any other 1xx keeps its end-to-end fields only", () => {
  assert.deepEqual(
    toInterimFields(["Link", "a", "Upgrade", "b", "Connection", "c", "C", "d", "link", "e"]),
    ["Link", "a", "link", "e"],
  );
});

test("a head is its status line, its fields, an empty line", () => {
  const head = { status: 101, reason: "", rawFields: ["a", "1", "A", ""] };
  assert.equal(serializeHead(head), "HTTP/1.1 101 \r\na: 1\r\nA: \r\n\r\n");
});
