import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { parse } from "yaml";

import { chart, root } from "../support/manifests.ts";
import { makeDirectory } from "../support/route-file.ts";

const read = (...path: readonly string[]): string => readFileSync(join(root, ...path), "utf8");
const { version } = JSON.parse(read("package.json")) as { version: string };

// What was measured or changed in a version stays with that version; the lock file has versions of other packages.
const KEPT = new Set(["CHANGELOG.md", "docs/performance.md", "package-lock.json"]);

test("package.json, its lock file and both versions of the chart are one", () => {
  const { version: chartVersion, appVersion } = parse(
    readFileSync(join(chart, "Chart.yaml"), "utf8"),
  ) as Record<string, string>;
  assert.equal(JSON.parse(read("package-lock.json")).version, version);
  assert.deepEqual({ chartVersion, appVersion }, { chartVersion: version, appVersion: version });
});

test("CHANGELOG.md's newest version is this one", () => {
  const versions = [...read("CHANGELOG.md").matchAll(/^## \[?(\d+\.\d+\.\d+)/gm)].map(
    ([, found]) => found,
  );
  assert.equal(versions[0], version);
});

// A version bump left eight references in README and docs behind: each was changed by hand, and only the examples were checked.
test("`npm version` changes every place that names this version", async (t) => {
  const clone = await makeDirectory(t, {});
  run("git", ["clone", "-q", root, clone], root);
  // Those of this tree, which may not be committed yet.
  for (const path of ["package.json", join("scripts", "version.mjs")])
    cpSync(join(root, path), join(clone, path));
  run("npm", ["version", "9.8.7-rc.1", "--no-git-tag-version"], clone);
  const { stdout } = spawnSync("git", ["grep", "-lF", version], { cwd: clone, encoding: "utf8" });
  assert.deepEqual(
    stdout.split("\n").filter((path) => path !== "" && !KEPT.has(path)),
    [],
  );
  assert.match(readFileSync(join(clone, "README.md"), "utf8"), /headgate:9\.8\.7-rc\.1/);
});

function run(command: string, args: readonly string[], cwd: string): void {
  // A checkout may belong to another user than the one that tests it.
  const env = {
    ...process.env,
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_KEY_0: "safe.directory",
    GIT_CONFIG_VALUE_0: "*",
  };
  const { status, stderr } = spawnSync(command, args, { cwd, env, encoding: "utf8" });
  assert.equal(status, 0, stderr);
}
