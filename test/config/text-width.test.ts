/** The width of texts on a terminal, compared with Python's data of Unicode. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import test from "node:test";

import { formatTable } from "../../src/cli/table.ts";
import { widthOf } from "../../src/config/text-width.ts";

/** Prints the code and the width of each assigned character. */
const PROGRAM = `
import sys, unicodedata
for code in range(0x20, 0x40000):
    character = chr(code)
    category = unicodedata.category(character)
    if category in ("Cn", "Cs", "Co", "Cc", "Cf"):
        continue
    if category in ("Mn", "Me") or 0x1160 <= code <= 0x11ff or 0xd7b0 <= code <= 0xd7fb:
        width = 0
    else:
        width = 2 if unicodedata.east_asian_width(character) in "WF" else 1
    print(code, width)
`;

const python = spawnSync("python3", ["-c", PROGRAM], { encoding: "utf8", maxBuffer: 2 ** 26 });
const skip = python.status === 0 ? false : "LEFT OUT: no python3 with Unicode's data";

test("every character has the width that Unicode gives it", { skip }, () => {
  const lines = python.stdout.trim().split("\n");
  assert.ok(lines.length > 100_000);
  const wrong = lines.flatMap((line) => {
    const [code = 0, width] = line.split(" ").map(Number);
    const own = widthOf(String.fromCodePoint(code));
    return own === width ? [] : [`U+${code.toString(16)} is ${width}, not ${own}`];
  });
  // Node and Python know different versions of Unicode, so a few new characters may differ.
  assert.ok(wrong.length < 20, wrong.join("\n"));
});

test("columns of a table line up after wide characters", () => {
  const table = formatTable([
    ["/日本語/*", "pass"],
    ["/abc", "convert"],
  ]);
  assert.equal(table, "/日本語/*  pass\n/abc       convert\n");
});
