import assert from "node:assert/strict";
import test from "node:test";

import {
  createJsonLineWriter,
  type JsonLineWriter,
  precompute,
} from "../../src/ops/log/json-line.ts";
import { toPrintable } from "../../src/ops/log/printable.ts";
import { codePoint, fc } from "../support/property.ts";

function take(lines: JsonLineWriter): string {
  return Buffer.from(lines.take()).toString();
}

const texts = fc.oneof(
  fc.string({ unit: codePoint, maxLength: 200 }),
  fc.string({ unit: fc.constantFrom("a", "~", " ", '"', "\\", "\x1f", "\x7f", "\x9b", "é", "語") }),
);

test("a string is written as JSON writes it, printable and cut", () => {
  const lines = createJsonLineWriter();
  fc.assert(
    fc.property(texts, fc.integer({ min: 0, max: 250 }), (text, maxLength) => {
      lines.string(text, maxLength);
      assert.equal(take(lines), JSON.stringify(toPrintable(text, maxLength)));
    }),
  );
});

test("a constant of any length is written completely and once", () => {
  const lines = createJsonLineWriter();
  const starts = Array.from({ length: 10 }, (_, length) => "abcdefghi".slice(0, length));
  for (const start of starts) lines.precomputed(precompute(start));
  assert.equal(take(lines), starts.join(""));
});

test("a number is written with at most three decimals", () => {
  const lines = createJsonLineWriter();
  const write = (value: number): string => {
    lines.number(value);
    return take(lines);
  };
  for (const [value, text] of [
    [0, "0"],
    [-0, "0"],
    [9, "9"],
    [10, "10"],
    [1234567, "1234567"],
    [0.0004, "0"],
    [0.001, "0.001"],
    [1.05, "1.05"],
    [7.9, "7.9"],
    [99.9996, "100"],
    [2147483.647, "2147483.647"],
    [2147483.648, "2147483.648"],
    [4294967296, "4294967296"],
    [-1.5, "-1.5"],
  ] as const)
    assert.equal(write(value), text);
  const numbers = fc.oneof(fc.nat(), fc.double({ min: 0, max: 1e7, noNaN: true }));
  fc.assert(
    fc.property(numbers, (value) =>
      assert.equal(write(value), String(Math.round(value * 1000) / 1000)),
    ),
  );
});

test("text before a string that needs escapes stays", () => {
  const lines = createJsonLineWriter();
  lines.ascii("a:");
  lines.string("plain until here é", 100);
  lines.precomputed(precompute(",b:"));
  lines.string("c", 100);
  assert.equal(take(lines), 'a:"plain until here é",b:"c"');
});

test("a value that is longer than the buffer makes the buffer grow, by every method", () => {
  const plain = "x".repeat(100_000);
  const wide = "語".repeat(300_000);
  const lines = createJsonLineWriter();
  lines.ascii(plain);
  lines.string(plain, Infinity);
  lines.precomputed(precompute(plain.repeat(4)));
  lines.string(wide, Infinity);
  assert.equal(take(lines), `${plain}"${plain}"${plain.repeat(4)}"${wide}"`);
});

test("a line that was taken is not written again", () => {
  const lines = createJsonLineWriter();
  lines.ascii("once");
  assert.equal(take(lines), "once");
  assert.equal(take(lines), "");
});
