// `npm run package`: what goes to the npm registry, as headgate-VERSION.tgz in the folder named (or the current one).
//
// The bundle holds every dependency, so the published package has none: nothing is downloaded beside it, and nothing can be
// changed under it.

import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { fail, readyToRun } from "./ready.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const KEPT = [
  "name",
  "version",
  "description",
  "keywords",
  "license",
  "repository",
  "homepage",
  "bugs",
  "bin",
  "engines",
];
const FILES = [
  "LICENSE",
  "README.md",
  "CHANGELOG.md",
  "dist/headgate.cjs",
  "dist/THIRD_PARTY_NOTICES.txt",
];

await readyToRun();
const target = resolve(process.argv[2] ?? ".");
const folder = mkdtempSync(join(tmpdir(), "headgate-package-"));
try {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const published = Object.fromEntries(
    KEPT.filter((key) => key in manifest).map((key) => [key, manifest[key]]),
  );
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(published, undefined, 2)}\n`);
  mkdirSync(join(folder, "dist"));
  for (const path of FILES.filter((one) => existsSync(join(root, one))))
    copyFileSync(join(root, path), join(folder, path));
  const npmPack = spawnSync("npm", ["pack", "--pack-destination", target, "--loglevel=error"], {
    cwd: folder,
    encoding: "utf8",
  });
  if (npmPack.status !== 0) fail(`npm pack failed: ${npmPack.error?.message ?? npmPack.stderr}`);
  process.stdout.write(`${join(target, npmPack.stdout.trim())}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
