import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { parse } from "yaml";

import { chart, root } from "../support/manifests.ts";
import { makeDirectory } from "../support/route-file.ts";

const read = (...path: readonly string[]): string => readFileSync(join(root, ...path), "utf8");
const { version } = JSON.parse(read("package.json")) as { version: string };

// A measurement or change of a version keeps that version; the lock file has versions of other packages.
const KEPT = new Set(["CHANGELOG.md", "docs/internals/performance.md", "package-lock.json"]);

test("package.json, its lock file and the chart's two versions are equal", () => {
  const { version: chartVersion, appVersion } = parse(
    readFileSync(join(chart, "Chart.yaml"), "utf8"),
  ) as Record<string, string>;
  assert.equal(JSON.parse(read("package-lock.json")).version, version);
  assert.deepEqual({ chartVersion, appVersion }, { chartVersion: version, appVersion: version });
});

/**
 * Symptom: after `npm version X.Y.Z-rc.1` the tests failed with any CHANGELOG.md. Root cause: the pattern left the pre-release out.
 * Fix: a heading's version continues to the next space or bracket.
 */
test("CHANGELOG.md's newest version is this one", () => {
  assert.equal(findNewest(read("CHANGELOG.md")), version);
  assert.equal(
    findNewest("# Changelog\n\n## 9.8.7-rc.1 (not yet released)\n\n## 9.8.6\n"),
    "9.8.7-rc.1",
  );
  assert.equal(findNewest("## [9.8.7] - 2026-12-01\n"), "9.8.7");
});

// A version bump missed eight references in README and docs: they were changed by hand, and only the examples were checked.
test("`npm version` changes every place that names this version", async (t) => {
  const clone = await makeDirectory(t, {});
  await cloneOfOther(t, clone);
  // The files of this tree, which may not be committed yet.
  for (const path of ["package.json", join("scripts", "version.mjs")])
    cpSync(join(root, path), join(clone, path));
  run("npm", ["version", "9.8.7-rc.1", "--no-git-tag-version"], clone);
  // Not if its digits are part of an address.
  const named = `(^|[^0-9.])${version.replaceAll(".", String.raw`\.`)}([^0-9]|$)`;
  const { stdout } = spawnSync("git", ["grep", "-lE", named], { cwd: clone, encoding: "utf8" });
  assert.deepEqual(
    stdout.split("\n").filter((path) => path !== "" && !KEPT.has(path)),
    [],
  );
  assert.match(readFileSync(join(clone, "README.md"), "utf8"), /headgate:9\.8\.7-rc\.1/);
});

/**
 * Clones this checkout as if it belonged to another user, as in a container of GitHub's.
 *
 * Symptom: there the test failed with "detected dubious ownership". Root cause: `safe.directory` came by GIT_CONFIG_COUNT, which git does
 * not pass on to the process that reads the repository to clone. Fix: it comes by a global configuration, which git passes on.
 */
async function cloneOfOther(t: TestContext, clone: string): Promise<void> {
  const folder = await makeDirectory(t, { gitconfig: "[safe]\n\tdirectory = *\n" });
  run("git", ["clone", "-q", root, clone], root, {
    GIT_CONFIG_GLOBAL: join(folder, "gitconfig"),
    GIT_TEST_ASSUME_DIFFERENT_OWNER: "1",
  });
}

function findNewest(changelog: string): string | undefined {
  return /^## \[?(\d[^\s\]]*)/m.exec(changelog)?.[1];
}

function run(
  command: string,
  args: readonly string[],
  cwd: string,
  variables: NodeJS.ProcessEnv = {},
): void {
  const { status, stderr } = spawnSync(command, args, {
    cwd,
    env: { ...process.env, ...variables },
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
}
