import assert from "node:assert/strict";
import test from "node:test";

import fc from "fast-check";

import { endOfSection } from "../../src/http/wire/header-section.ts";

const END = "\r\n\r\n";

test("a header section ends at its first empty line, as a byte-by-byte search finds it", () => {
  const text = fc.array(fc.constantFrom("\r", "\n", "\r\n", "a", ":", " ", "\t", "\x80"), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(text, fc.nat(10), fc.nat(10), (parts, start, after) => {
      const bytes = Buffer.from(parts.join(""), "latin1");
      const end = Math.max(0, bytes.length - after);
      const found = bytes.toString("latin1", 0, end).indexOf(END, start);
      assert.equal(endOfSection(bytes, start, end), found === -1 ? -1 : found + END.length);
    }),
    { numRuns: 20_000 },
  );
});

test("bytes that an earlier read left after the end are not read", () => {
  const bytes = Buffer.from("HTTP/1.1 200 OK\r\n\r\n", "latin1");
  assert.equal(endOfSection(bytes, 0, bytes.length - 1), -1);
  assert.equal(endOfSection(bytes, 0, bytes.length), bytes.length);
});
