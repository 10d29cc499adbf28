// Compiles the tests and all that they import once per run, and what they start as a process of its own. Compiled on the way in, as tsx
// does it, each of 280 test files would pay for the same sources again: half a second to a whole one of CPU.

import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { inlinePage } from "./inline-page.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

const PACKAGES = `${sep}node_modules${sep}`;

// A module of ESM has no `require`, and packages of CommonJS load Node's own modules by it.
const REQUIRE =
  'import { createRequire as $toRequire } from "node:module"; const require = $toRequire(import.meta.url);';

/**
 * Compiles `files` (relative to the root) into a folder of their own, and returns what to run in their place. The folder is made anew
 * each time and removed when this process ends: no run ever sees what an earlier one compiled. Throws where a file cannot be compiled;
 * esbuild has then printed why.
 */
export async function compileFiles(files) {
  const folder = await compile(files);
  return files.map((file) => toCompiled(folder, file));
}

/**
 * Compiles test files, and returns an entry file for each process: `processes` has the files of each. The entries' names sort in the
 * order of `processes`, because that is the order in which Node runs them.
 */
export async function compileTests(processes) {
  const folder = await compile(processes.flat());
  const width = String(processes.length).length;
  return processes.map((files, index) => {
    const title = basename(files[0], ".test.ts") + (files.length > 1 ? "-and-others" : "");
    const entry = join(folder, `${String(index).padStart(width, "0")}-${title}.mjs`);
    const imports = files.map((file) => `import ${JSON.stringify(toCompiled(folder, file))};\n`);
    writeFileSync(entry, imports.join(""));
    return entry;
  });
}

async function compile(files) {
  const folder = mkdtempSync(join(tmpdir(), "headgate-tests-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  // For the packages that stay outside.
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  const { build } = await import("esbuild");
  await build({
    absWorkingDir: root,
    entryPoints: files,
    outbase: root,
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    // What several files import is one module to each process, as it is in the sources.
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    // headgate's own dependencies are compiled in, as the product's bundle has them: loaded file by file, they cost each process a tenth
    // of a second of CPU. All other packages stay outside.
    banner: { js: REQUIRE },
    sourcemap: "linked",
    sourcesContent: false,
    logLevel: "warning",
    plugins: [
      inlinePage,
      { name: "packages", setup: ({ onResolve }) => onResolve({ filter: /^[^./]/ }, toPackage) },
      { name: "import-meta", setup: ({ onLoad }) => onLoad({ filter: /./ }, load) },
    ],
  });
  return folder;
}

function toCompiled(folder, file) {
  return join(folder, file.replace(/\.ts$/, ".mjs"));
}

// The entry points come here as well. A package that is loaded later stays outside: a chunk of its own would have no named exports, where
// the package is CommonJS.
function toPackage({ path, importer, kind }) {
  if (kind === "entry-point" || importer.includes(PACKAGES)) return undefined;
  const name = /^(@[^/]+\/)?[^/]+/.exec(path)[0];
  const isCompiledIn = Object.hasOwn(dependencies, name) && kind !== "dynamic-import";
  return isCompiledIn ? undefined : { external: true };
}

// A module finds the files beside it and the root above it by its own place, which is that of its source.
function load({ path }) {
  if (path.includes(PACKAGES)) return undefined;
  const place = { url: pathToFileURL(path).href, dirname: dirname(path), filename: path };
  const contents = readFileSync(path, "utf8").replace(
    /\bimport\.meta\.(url|dirname|filename)\b/g,
    (_, name) => JSON.stringify(place[name]),
  );
  return { contents, loader: path.endsWith(".ts") ? "ts" : "js" };
}
