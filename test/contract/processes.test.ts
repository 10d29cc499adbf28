// `npm test` divides the test files among processes: each file runs once, and the names in the list of scripts/processes.mjs are right.

import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { FIRST, toProcesses } from "../../scripts/processes.mjs";

const root = join(import.meta.dirname, "..", "..");
const files = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".test.ts"))
  .map((name) => join("test", name));

test("every test file runs in exactly one process", () => {
  assert.deepEqual(toProcesses(files).flat().toSorted(), files.toSorted());
});

test("a file of the list exists, shares its process with no other, and starts in the order of the list", () => {
  assert.deepEqual(
    FIRST.flat().filter((file) => !existsSync(join(root, file))),
    [],
  );
  assert.deepEqual(toProcesses(files).slice(0, FIRST.length), FIRST);
});

test("files of different folders share no process", () => {
  for (const members of toProcesses(files))
    assert.equal(new Set(members.map((file) => file.split("/")[1])).size, 1);
});

test("a single file has a process for itself", () => {
  assert.deepEqual(toProcesses(["test/http/target.test.ts"]), [["test/http/target.test.ts"]]);
});
