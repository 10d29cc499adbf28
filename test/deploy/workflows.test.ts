import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { parse } from "yaml";

import { root } from "../support/manifests.ts";

interface Step {
  readonly uses?: string;
  readonly run?: string;
}

interface Job {
  readonly needs?: string | readonly string[];
  readonly steps: readonly Step[];
  readonly "timeout-minutes"?: number;
}

interface Workflow {
  readonly permissions: object;
  readonly jobs: Readonly<Record<string, Job>>;
}

const folder = join(root, ".github", "workflows");

for (const file of readdirSync(folder)) {
  const { permissions, jobs } = parse(readFileSync(join(folder, file), "utf8")) as Workflow;
  const steps = Object.values(jobs).flatMap((job) => job.steps);

  test(`${file}: every action is pinned by its commit`, () => {
    const uses = steps.flatMap((step) => step.uses ?? []);
    assert.deepEqual(
      uses.filter((one) => !/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/.test(one)),
      [],
    );
  });

  test(`${file}: a job may only read, unless it says otherwise, and has a time limit`, () => {
    assert.deepEqual(permissions, { contents: "read" });
    for (const [name, job] of Object.entries(jobs)) assert.ok(job["timeout-minutes"], name);
  });

  // ${{ }} is pasted into the script before a shell sees it: a branch name would be executed.
  test(`${file}: no script has an expression pasted into it`, () => {
    assert.deepEqual(
      steps.flatMap(({ run }) => run ?? []).filter((run) => run.includes("${{")),
      [],
    );
  });
}

test("a pre-release never becomes `latest`, and a release runs every test", () => {
  const text = readFileSync(join(folder, "release.yml"), "utf8");
  const latest = text
    .split("\n")
    .filter((line) => /(?<!ubuntu-)latest/.test(line) && !/^\s*#/.test(line));
  assert.deepEqual(
    latest.map((line) => line.trim()),
    ['case "$version" in *-*) channel=next ;; *) channel=latest ;; esac'],
  );
  assert.match(text, /run: \.ci\/run --no-skips$/m);
});

// The image was tagged `latest` before its bundle was compared with the package's.
test("`latest` and the chart are published after the image and the npm package are found to be the same", () => {
  const { jobs } = parse(readFileSync(join(folder, "release.yml"), "utf8")) as Workflow;
  const find = (text: string): readonly string[] =>
    Object.keys(jobs).filter((name) => JSON.stringify(jobs[name]).includes(text));
  assert.deepEqual(find("cmp packaged.cjs in-image.cjs"), ["npm"]);
  assert.deepEqual(find("headgate/headgate:${{ needs.check.outputs.channel }}"), []);
  assert.deepEqual(find("headgate:$CHANNEL"), ["chart"]);
  assert.deepEqual(find("helm push"), ["chart"]);
  assert.deepEqual(jobs["chart"]?.needs, ["check", "npm"]);
});
