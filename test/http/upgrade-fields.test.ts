import assert from "node:assert/strict";
import test from "node:test";
import { checkRequest } from "../../src/http/request.ts";
import {
  isAgreedProtocol,
  toSwitchedFields,
  toUpstreamUpgrade,
} from "../../src/http/upgrade-fields.ts";
import { toInterimText } from "../../src/http/wire/serialize.ts";

test("a tunnel needs HTTP/1.1, any method but HEAD and any protocol but HTTP/2, with content or without", () => {
  const head = { method: "GET", target: "/", httpVersion: "1.1", rawFields: [] };
  const checked = checkRequest({ ...head, rawFields: ["Host", "a"] }, 10);
  const cases: [head: object, protocols: string | undefined, asked: string | undefined][] = [
    [{}, "websocket", "websocket"],
    [{ method: "POST" }, "tcp", "tcp"],
    [{}, " foo/2 ,, WebSocket", " foo/2 ,, WebSocket"],
    [{}, "h2c, websocket", "websocket"],
    [{}, "tcp,H2 , h2c,foo", "tcp,foo"],
    [{}, undefined, undefined],
    [{}, "", undefined],
    [{}, " , ", undefined],
    [{}, " H2C", undefined],
    [{}, "h2c, h2,", undefined],
    [{}, 'h2c/1, "h2c", h2-14, h2c;x', undefined],
    [{}, "h2x, h3", "h2x, h3"],
    [{ method: "HEAD" }, "websocket", undefined],
    [{ httpVersion: "1.0" }, "websocket", undefined],
  ];
  for (const [changed, protocols, asked] of cases) {
    for (const framing of ["none", "length"] as const) {
      const upgrade = protocols === undefined ? undefined : toUpgrade(protocols);
      const tunnel = toUpstreamUpgrade({ ...head, ...changed }, { ...checked, upgrade, framing });
      assert.deepEqual(tunnel, asked === undefined ? undefined : toUpgrade(asked), protocols);
    }
  }
});

function toUpgrade(protocols: string) {
  return { protocols, option: "Upgrade" };
}

test("a 101 may choose among the requested protocols, in any letter case, and must choose one", () => {
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
  for (const [asked, chosen, agreed] of cases) {
    const fields = [...chosen, "connection", "x, Upgrade"];
    assert.equal(isAgreedProtocol(asked, fields), agreed, `${asked} ${chosen}`);
    assert.equal(isAgreedProtocol(asked, chosen), false, "Connection does not name it");
  }
});

test("a 101 keeps Upgrade and Connection's option unchanged, even if Connection names Upgrade only among others", () => {
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
    "UPGRADE",
    "Upgrade",
    "a",
    "x",
    "4",
  ]);
});

test("a head is its status line, its fields and an empty line", () => {
  const head = { status: 101, reason: "", rawFields: ["a", "1", "A", ""] };
  assert.equal(
    toInterimText(head.status, head.reason, head.rawFields),
    "HTTP/1.1 101 \r\na: 1\r\nA: \r\n\r\n",
  );
});
