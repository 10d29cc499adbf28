// Symptom: the image's bundle differed from the tested one: it had no "use strict".
// Root cause: esbuild takes strictness from tsconfig.json, and the Dockerfile does not copy that file.
// Fix: the build sets what it needs itself. The test builds the image from exactly the files that its Dockerfile copies.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import test, { type TestContext } from "node:test";

import { makeDirectory } from "../support/route-file.ts";
import { root } from "../support/manifests.ts";

const BUNDLE = join("dist", "headgate.cjs");

test("a build from the files that the Dockerfile copies is the checkout's bundle, byte for byte", async (t) => {
  const directory = await copyContext(t);
  run(directory, "scripts/build.mjs");
  const [inImage, inCheckout] = [directory, root].map((each) => readFileSync(join(each, BUNDLE)));
  assert.equal(inImage?.equals(inCheckout ?? Buffer.alloc(0)), true);
});

test("the bundle is strict", () => {
  assert.match(readFileSync(join(root, BUNDLE), "latin1").slice(0, 100), /^[^\n]*\n"use strict";/);
});

/** What `docker build` has before it runs the build: the copied files, and the packages. */
async function copyContext(t: TestContext): Promise<string> {
  const directory = await makeDirectory(t, {});
  const stage = readFileSync(join(root, "Dockerfile"), "utf8").split(/^FROM .*$/m)[1] ?? "";
  const copies = [...stage.matchAll(/^COPY (?<arguments>.+)$/gm)];
  assert.ok(copies.length > 0);
  for (const { groups } of copies) {
    const paths = (groups?.["arguments"] ?? "").split(" ");
    const target = join(directory, paths.at(-1) ?? "");
    for (const path of paths.slice(0, -1)) copy(path, target, paths.at(-1) ?? "");
  }
  for (const path of packages())
    cpSync(join(root, path), join(directory, path), { recursive: true });
  return directory;
}

/** The folders of the packages that a build needs. No links: esbuild writes the real paths of modules into the bundle. */
function packages(): readonly string[] {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    packages: Record<string, { dev?: boolean }>;
  };
  return Object.entries(lock.packages)
    .filter(([path, { dev }]) => path !== "" && dev !== true)
    .map(([path]) => path)
    .filter((path) => existsSync(join(root, path)) && !path.includes("helm"));
}

// As COPY does: a folder's content goes to the target, a file into a target that ends with a slash.
function copy(path: string, target: string, written: string): void {
  const intoFolder = written.endsWith("/");
  mkdirSync(target, { recursive: true });
  cpSync(join(root, path), intoFolder ? join(target, basename(path)) : target, { recursive: true });
}

function run(directory: string, script: string): void {
  const { status, stderr } = spawnSync(process.execPath, [script], {
    cwd: directory,
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
}
