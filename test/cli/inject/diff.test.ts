import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";

import { unifiedDiff } from "../../../src/cli/inject/diff.ts";
import { fc } from "../../support/property.ts";
import { makeDirectory } from "../../support/route-file.ts";

test("a diff has three lines around each change, and one hunk for near changes", () => {
  const before = "abcdefghijklmnopqrst".split("").join("\n");
  const after = before.replace("b\n", "B\n").replace("g\n", "").replace("r\n", "r\nnew\n");
  assert.equal(
    unifiedDiff("f.yaml", before, after),
    `--- f.yaml
+++ f.yaml
@@ -1,10 +1,9 @@
 a
-b
+B
 c
 d
 e
 f
-g
 h
 i
 j
@@ -16,5 +15,6 @@
 p
 q
 r
+new
 s
 t
\\ No newline at end of file
`,
  );
});

test("equal texts have no diff", () => {
  assert.equal(unifiedDiff("f.yaml", "a\n", "a\n"), "");
});

test("a diff between a text and nothing", () => {
  assert.equal(unifiedDiff("f", "", "a\n"), "--- f\n+++ f\n@@ -0,0 +1,1 @@\n+a\n");
  assert.equal(unifiedDiff("f", "a\n", ""), "--- f\n+++ f\n@@ -1,1 +0,0 @@\n-a\n");
});

const line = fc.oneof(fc.constantFrom("a", "b", "c", "", "\r"), fc.nat({ max: 40 }).map(String));
const lines = fc.array(line, { maxLength: 30 });
const text = fc
  .tuple(lines, fc.boolean())
  .map(([all, isEnded]) => all.join("\n") + (isEnded ? "\n" : ""));

test("a diff of ten thousand lines, every second one new, is made in one pass", () => {
  const before = Array.from({ length: 5000 }, (_, index) => `${index}\n`);
  const after = before.flatMap((one) => [one, "new\n"]);
  const diff = unifiedDiff("f", before.join(""), after.join(""));
  assert.equal(diff.match(/^\+new$/gm)?.length, 5000);
  assert.doesNotMatch(diff, /^-\d/m);
  const far = unifiedDiff("f", "a\n".repeat(6000), "b\n".repeat(6000));
  assert.equal(far.match(/^-a$/gm)?.length, 6000);
});

test("git applies every diff", async (t) => {
  const folder = await makeDirectory(t, {});
  const file = join(folder, "f");
  fc.assert(
    fc.property(text, text, (before, after) => {
      if (before === after || before === "" || after === "") return;
      writeFileSync(file, before);
      const args = ["apply", "--unidiff-zero", "--whitespace=nowarn", "-p0", "-"];
      const diff = unifiedDiff("f", before, after);
      const { stderr } = spawnSync("git", args, { cwd: folder, input: diff, encoding: "utf8" });
      assert.equal(readFileSync(file, "utf8"), after, `${stderr}\n${diff}`);
    }),
    { numRuns: 60 },
  );
});
