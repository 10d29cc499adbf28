import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { parse } from "yaml";

import { chart, root } from "../support/manifests.ts";

const read = (...path: readonly string[]): string => readFileSync(join(root, ...path), "utf8");
const { version } = JSON.parse(read("package.json")) as { version: string };

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

test("every example names this version's image, chart and component", () => {
  const files = ["examples", join("helm", "kustomize")].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((path) =>
      join(folder, path),
    ),
  );
  const found = files
    .filter((path) => /\.ya?ml$/.test(path))
    .flatMap((path) => [...namedVersions(read(path))]);
  assert.ok(found.length > 5);
  assert.deepEqual(new Set(found), new Set([version]));
});

function* namedVersions(text: string): Generator<string> {
  for (const [, found = ""] of text.matchAll(
    /headgate\/headgate(?::|, tag: |\/\/\S*\?ref=v)([\w.-]+)/g,
  ))
    yield found;
  for (const [, found = ""] of text.matchAll(/name: headgate, version: ([\w.-]+)/g)) yield found;
}
