import assert from "node:assert/strict";
import test from "node:test";

import { toPlainRequest } from "../../src/http/upgrade.ts";
import { toFields } from "../support/fields.ts";

function toPlain(...lines: string[]): string[] {
  const text = toPlainRequest({
    method: "POST",
    target: "//x?y",
    httpVersion: "1.1",
    rawFields: toFields(lines),
  });
  assert.ok(text.endsWith("\r\n\r\n"));
  return text.slice(0, -4).split("\r\n");
}

test("the wish to switch is taken out, all else stays", () => {
  const lines = [
    "Host: h",
    "Connection: Upgrade",
    "UPGRADE: h2c",
    "a: \xe9",
    "A: 2",
    "Content-Length: 3",
    "upgrade: y",
  ];
  assert.deepEqual(toPlain(...lines), [
    "POST //x?y HTTP/1.1",
    "Host: h",
    "a: \xe9",
    "A: 2",
    "Content-Length: 3",
  ]);
});

test("what else Connection names stays named", () => {
  const [, ...fields] = toPlain(
    "connection: UPGRADE, HTTP2-Settings",
    "HTTP2-Settings: x",
    "Connection: close , upgrade",
  );
  assert.deepEqual(
    fields.map((line) => line.replace(/ +/g, " ").trim()),
    ["connection: HTTP2-Settings", "HTTP2-Settings: x", "Connection: close"],
  );
});

test("names that only contain upgrade stay", () => {
  const lines = ["Upgrade-Insecure-Requests: 1", "Connection: upgrades"];
  assert.deepEqual(toPlain(...lines).slice(1), lines);
});
