import assert from "node:assert/strict";
import test from "node:test";

import { toPrintable } from "../../src/ops/log/printable.ts";

test("plain text and letters of any script stay unchanged", () => {
  for (const text of ["", "curl/8.1.2 (x86_64)", "naïve 漢字 🚀"])
    assert.equal(toPrintable(text, 100), text);
});

test("control, bidirectional and line separating characters are escaped", () => {
  assert.equal(toPrintable("a\r\nb\x1b[31m\x9bc", 100), "a\\x0d\\x0ab\\x1b[31m\\x9bc");
  assert.equal(toPrintable("\u202eexe\u2028\ud800", 100), "\\u202eexe\\u2028\\ud800");
});

test("a long text is cut and marked as cut", () => {
  assert.equal(toPrintable("x".repeat(50), 10), `${"x".repeat(10)}…`);
  assert.equal(toPrintable("\x9b".repeat(50), 10), "\\x9b\\x9b\\x…");
});

test("a cut does not leave half a character", () => {
  assert.equal(toPrintable("x".repeat(9) + "🚀", 10), `${"x".repeat(9)}…`);
  // The escape makes the text longer, and so moves the cut into the last character.
  assert.equal(toPrintable("\x9b" + "x".repeat(5) + "🚀", 10), `\\x9b${"x".repeat(5)}…`);
});
