// Compiles the tests and all that they import once per run, and what they start as a process of its own. Compiled on the way in, as tsx
// does it, each of 220 test files would pay for the same sources again: half a second to a whole one of CPU.

import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { inlinePage } from "./inline-page.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * Compiles `files` (relative to the root) into a folder of their own, and returns what to run in their place. The folder is made anew
 * each time and removed when this process ends: no run ever sees what an earlier one compiled. Throws where a file cannot be compiled;
 * esbuild has then printed why.
 */
export async function compileFiles(files) {
  const folder = mkdtempSync(join(tmpdir(), "headgate-tests-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  // Packages stay outside: they need no compiling.
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
    packages: "external",
    sourcemap: "linked",
    sourcesContent: false,
    logLevel: "warning",
    plugins: [
      inlinePage,
      { name: "import-meta", setup: ({ onLoad }) => onLoad({ filter: /./ }, load) },
    ],
  });
  return files.map((file) => join(folder, file.replace(/\.ts$/, ".mjs")));
}

// A module finds the files beside it and the root above it by its own place, which is that of its source.
function load({ path }) {
  const place = { url: pathToFileURL(path).href, dirname: dirname(path), filename: path };
  const contents = readFileSync(path, "utf8").replace(
    /\bimport\.meta\.(url|dirname|filename)\b/g,
    (_, name) => JSON.stringify(place[name]),
  );
  return { contents, loader: path.endsWith(".ts") ? "ts" : "js" };
}
