// `npm test` divides the test files among processes: each file runs once, and the names in the list of scripts/processes.mjs are right.

import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { ALONE, toProcesses } from "../../scripts/processes.mjs";

const root = join(import.meta.dirname, "..", "..");
const files = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".test.ts"))
  .map((name) => join("test", name));

test("every test file runs in exactly one process", () => {
  assert.deepEqual(toProcesses(files).flat().toSorted(), files.toSorted());
});

test("a file with a process of its own exists, shares it with no other, and starts in the order of the list", () => {
  assert.deepEqual(
    ALONE.filter((file) => !existsSync(join(root, file))),
    [],
  );
  assert.deepEqual(
    toProcesses(files).slice(0, ALONE.length),
    ALONE.map((file) => [file]),
  );
});

test("files of different folders share no process", () => {
  for (const members of toProcesses(files))
    assert.equal(new Set(members.map((file) => file.split("/")[1])).size, 1);
});

test("a single file has a process for itself", () => {
  assert.deepEqual(toProcesses(["test/http/target.test.ts"]), [["test/http/target.test.ts"]]);
});
