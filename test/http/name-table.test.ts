import assert from "node:assert/strict";
import test from "node:test";

import { createNameTable } from "../../src/http/name-table.ts";

const find = createNameTable([
  ["te", 1],
  ["content-type", 2],
  ["content-base", 3], // as long as the one before, with the same first letter
]);

test("a name is found in any letter case", () => {
  assert.equal(find("te"), 1);
  assert.equal(find("TE"), 1);
  assert.equal(find("Content-Type"), 2);
  assert.equal(find("CONTENT-BASE"), 3);
});

test("a similar name is not found", () => {
  // The five lowest bits of `!` are those of `a`, and so on: a first byte of another kind is no letter.
  for (const name of ["", "t", "tf", "4e", "ue", "content-typo", "#ontent-type", "x".repeat(100)])
    assert.equal(find(name), undefined, name);
});
