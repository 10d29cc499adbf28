// `npm run build`: all of src and its dependencies in one file that starts fast.
//
// Plain JavaScript without dependencies at load time, because it also answers "is the bundle still fresh?" on a machine
// that has nothing installed yet.

import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { inlinePage } from "./inline-page.mjs";
import { lazyBuiltins } from "./lazy-builtins.mjs";
import { createLeftOut } from "./left-out.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const stampFile = join(root, "dist", ".stamp");

/** The file that `npm start`, the `headgate` command and the image run. */
export const bundleFile = join(root, "dist", "headgate.cjs");

/** The licences of what the bundle holds: every copy of it has to bring them along. */
export const noticesFile = join(root, "dist", "THIRD_PARTY_NOTICES.txt");

/** True when the bundle was built from exactly the sources that are here now. */
export function isBundleFresh() {
  return readOrEmpty(stampFile) === fingerprint() && readOrEmpty(bundleFile) !== "";
}

/** Writes dist/. The stamp goes first and comes back last, so that a build that was cut off is never taken for a whole one. */
export async function buildBundle() {
  const made = fingerprint();
  mkdirSync(join(root, "dist"), { recursive: true });
  rmSync(stampFile, { force: true });
  const { build } = await import("esbuild");
  const leftOut = createLeftOut();
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ["src/main.ts"],
    outfile: bundleFile,
    bundle: true,
    platform: "node",
    target: "node20",
    // esbuild reads tsconfig.json where there is one. The image is built without that file, so the build depends on none:
    // strictness is in the banner.
    tsconfigRaw: { compilerOptions: { target: "es2023", verbatimModuleSyntax: true } },
    // Every dependency but zod comes as CommonJS. One CommonJS file loads 4 ms (Node 20) to 12 ms (Node 22) faster than
    // the same code as an ES module with a createRequire banner, and needs no banner.
    format: "cjs",
    // Names stay: they are what a stack trace is read by. Shorter syntax and white space save 2 ms of parsing.
    minifySyntax: true,
    minifyWhitespace: true,
    lineLimit: 160,
    // The whole licences, not the comments that happen to say something of them.
    legalComments: "none",
    metafile: true,
    // Beside the file, and read only under `node --enable-source-maps`, so it costs nothing at start.
    sourcemap: "linked",
    sourcesContent: false,
    define: { HEADGATE_VERSION: JSON.stringify(readManifest().version) },
    banner: { js: '#!/usr/bin/env node\n"use strict";' },
    // The same source as ES modules, which the package has for browsers: esbuild then leaves out what headgate does not use, and V8
    // parses the rest once. Each function of a CommonJS module is parsed twice.
    alias: { yaml: join(root, "node_modules/yaml/browser/dist/index.js") },
    plugins: [inlinePage, lazyBuiltins, leftOut.plugin],
    logLevel: "warning",
  });
  leftOut.assertUsed();
  chmodSync(bundleFile, 0o755);
  writeFileSync(noticesFile, toNotices(Object.keys(metafile.inputs)));
  writeFileSync(stampFile, made);
}

function toNotices(inputs) {
  const folders = new Set(
    inputs.flatMap((path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []),
  );
  return [...folders]
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map(toNotice)
    .join(`\n${"-".repeat(80)}\n\n`);
}

function toNotice(folder) {
  const { name, version, license } = JSON.parse(
    readFileSync(join(root, folder, "package.json"), "utf8"),
  );
  const file = readdirSync(join(root, folder)).find((path) => /^licen[cs]e(\.|$)/i.test(path));
  if (file === undefined) throw new Error(`${folder} has no licence to pass on`);
  return `${name} ${version} (${license})\n\n${readFileSync(join(root, folder, file), "utf8")}`;
}

// Contents, not times: a checkout or a copy changes times, and a clock may jump.
function fingerprint() {
  const hash = createHash("sha256");
  const scripts = ["build", "inline-page", "lazy-builtins", "left-out"].map(
    (name) => `scripts/${name}.mjs`,
  );
  const inputs = ["package.json", "package-lock.json", ...scripts, ...sources("src")];
  for (const path of inputs)
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(root, path)))
      .update("\0");
  return hash.digest("hex");
}

function sources(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      return entry.isDirectory() ? sources(path) : [path];
    });
}

function readManifest() {
  return JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
}

function readOrEmpty(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildBundle();
