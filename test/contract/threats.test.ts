// docs/internals/threats.md is complete: every row is there, and the tests that it names exist.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import test from "node:test";

const FILE = new URL("../../docs/internals/threats.md", import.meta.url);
const TEXT = readFileSync(FILE, "utf8");
/** The last row of each part; they are numbered without gaps, so that a row which is cut out is missed. */
const PARTS = { A: 28, B: 21, C: 16 };

interface Row {
  readonly id: string;
  readonly cells: readonly string[];
}

const ROWS: readonly Row[] = [...TEXT.matchAll(/^\| ([A-C]\d+) +\|(.*)\|$/gm)].map(
  ([, id = "", rest = ""]) => ({ id, cells: rest.split(" | ").map((cell) => cell.trim()) }),
);

test("every row of the threat table is there, once and in order", () => {
  const expected = Object.entries(PARTS).flatMap(([part, max]) =>
    Array.from({ length: max }, (_, index) => `${part}${index + 1}`),
  );
  assert.deepEqual(
    ROWS.map(({ id }) => id),
    expected,
  );
});

test("each row has the threat, headgate's reaction and the test for it", () => {
  for (const { id, cells } of ROWS) {
    assert.equal(cells.length, 3, id);
    assert.ok(
      cells.every((cell) => cell !== ""),
      id,
    );
    assert.match(cells[2] ?? "", /\.test\.ts\)/, id);
  }
});

test("every file that the threat table names exists, under its own name", () => {
  const links = [...TEXT.matchAll(/\[([^\]]+)\]\(([^)]+)\)/g)];
  assert.ok(links.length > ROWS.length);
  for (const [, name = "", path = ""] of links) {
    assert.ok(existsSync(new URL(path, FILE)), path);
    assert.ok(path.endsWith(`/${name}.test.ts`), `${name} is ${path}`);
  }
});

test("the targets of SECURITY.md's links exist", () => {
  const security = new URL("../../SECURITY.md", import.meta.url);
  const links = [...readFileSync(security, "utf8").matchAll(/\]\(([^)#]+)/g)];
  assert.ok(links.length > 1);
  for (const [, path = ""] of links) assert.ok(existsSync(new URL(path, security)), path);
});
