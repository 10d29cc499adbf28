import assert from "node:assert/strict";
import test from "node:test";

import { createLines, type Lines } from "../../src/ops/lines.ts";
import { toPrintable } from "../../src/ops/printable.ts";
import { fc } from "../support/property.ts";

function take(lines: Lines): string {
  return Buffer.from(lines.take()).toString();
}

const texts = fc.oneof(
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.string({ unit: fc.constantFrom("a", "~", " ", '"', "\\", "\x1f", "\x7f", "\x9b", "é", "語") }),
);

test("a string is written as JSON writes it, printable and cut", () => {
  const lines = createLines();
  fc.assert(
    fc.property(texts, fc.integer({ min: 0, max: 250 }), (text, maxLength) => {
      lines.string(text, maxLength);
      assert.equal(take(lines), JSON.stringify(toPrintable(text, maxLength)));
    }),
  );
});

test("what was written before a string that needs escapes stays", () => {
  const lines = createLines();
  lines.ascii("a:");
  lines.string("plain until here é", 100);
  lines.bytes(Buffer.from(",b:"));
  lines.string("c", 100);
  assert.equal(take(lines), 'a:"plain until here é",b:"c"');
});

test("what is longer than the buffer makes it grow, whichever way it comes", () => {
  const plain = "x".repeat(100_000);
  const wide = "語".repeat(300_000);
  const lines = createLines();
  lines.ascii(plain);
  lines.string(plain, Infinity);
  lines.bytes(Buffer.from(plain.repeat(4)));
  lines.string(wide, Infinity);
  assert.equal(take(lines), `${plain}"${plain}"${plain.repeat(4)}"${wide}"`);
});

test("what was taken does not come again", () => {
  const lines = createLines();
  lines.ascii("once");
  assert.equal(take(lines), "once");
  assert.equal(take(lines), "");
});
