// `npm version X.Y.Z` runs this after it has changed package.json: the same version goes into every place that names headgate's image,
// chart, component or package. What was measured with another version (docs/internals/performance.md) and the changelog stay.

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

const VERSION = String.raw`\d+\.\d+\.\d+(?:-[\w.]+)?`;
const PLACES = [
  String.raw`headgate\/headgate(?::|, tag: |\/\/\S*\?ref=v)`,
  "name: headgate, version: ",
  String.raw`charts\/headgate --version `,
  "headgate@",
].map((before) => new RegExp(`(${before})${VERSION}`, "g"));
const CHART = [
  new RegExp(`^(version: )${VERSION}$`, "m"),
  new RegExp(`^(appVersion: )${VERSION}$`, "m"),
];

const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const tracked = execFileSync("git", ["ls-files", "-z"], { cwd: root, encoding: "utf8" }).split(
  "\0",
);
for (const path of tracked.filter(
  (each) => /\.(?:md|ya?ml)$/.test(each) && each !== "CHANGELOG.md",
)) {
  const before = readFileSync(join(root, path), "utf8");
  const places = path === "helm/headgate/Chart.yaml" ? [...PLACES, ...CHART] : PLACES;
  const after = places.reduce((text, place) => text.replace(place, `$1${version}`), before);
  if (after === before) continue;
  writeFileSync(join(root, path), after);
  process.stdout.write(`${path}\n`);
}
