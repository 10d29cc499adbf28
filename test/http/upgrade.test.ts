import assert from "node:assert/strict";
import test from "node:test";
import {
  isAgreedProtocol,
  isTunnelled,
  serializeHead,
  toSwitchedFields,
} from "../../src/http/upgrade.ts";

test("a tunnel is for HTTP/1.1, with content or without, any method but HEAD, any protocol but h2c", () => {
  const head = { method: "GET", target: "/", httpVersion: "1.1", rawFields: [] };
  const checked = {
    path: "/",
    host: "a",
    fields: [],
    framing: "none",
    takesTrailers: false,
    expectsContinue: false,
  } as const;
  const cases: [head: object, checked: object, isTunnel: boolean][] = [
    [{}, { upgrade: toUpgrade("websocket") }, true],
    [{ method: "POST" }, { upgrade: toUpgrade("tcp") }, true],
    [{}, { upgrade: toUpgrade("h2c, websocket") }, true],
    [{}, { upgrade: undefined }, false],
    [{}, { upgrade: toUpgrade(" H2C") }, false],
    [{ method: "HEAD" }, { upgrade: toUpgrade("websocket") }, false],
    [{ httpVersion: "1.0" }, { upgrade: toUpgrade("websocket") }, false],
    [{ method: "POST" }, { upgrade: toUpgrade("tcp"), framing: "length" }, true],
  ];
  for (const [changedHead, changed, isTunnel] of cases) {
    const asked = { ...checked, upgrade: undefined, ...changed };
    assert.equal(isTunnelled({ ...head, ...changedHead }, asked), isTunnel, JSON.stringify(asked));
  }
});

function toUpgrade(protocols: string) {
  return { protocols, option: "Upgrade" };
}

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
  for (const [asked, chosen, agreed] of cases) {
    const fields = [...chosen, "connection", "x, Upgrade"];
    assert.equal(isAgreedProtocol(asked, fields), agreed, `${asked} ${chosen}`);
    assert.equal(isAgreedProtocol(asked, chosen), false, "Connection does not name it");
  }
});

test("a 101 keeps Upgrade and Connection's option as it came, even if Connection names Upgrade only among others", () => {
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

test("a head is its status line, its fields, an empty line", () => {
  const head = { status: 101, reason: "", rawFields: ["a", "1", "A", ""] };
  assert.equal(serializeHead(head), "HTTP/1.1 101 \r\na: 1\r\nA: \r\n\r\n");
});
