/** Bundles the sources with sockets in memory instead of Node's, and optionally with faults put back. */

import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { mkdtempSync, rmSync } from "node:fs";
import { join, relative } from "node:path";

import { type Plugin, build } from "esbuild";

import { type Simulation, requireSimulation } from "./load.ts";

const ROOT = join(import.meta.dirname, "..", "..");

/** The modules of `src` that open sockets and look up names. */
const DOORS: Readonly<Record<string, { readonly importers: RegExp; readonly stand: string }>> = {
  "node:net": {
    importers: /\/src\/(upstream\/socket|server\/listener)\.ts$/,
    stand: "net.ts",
  },
  "node:dns/promises": { importers: /\/src\/upstream\/name-servers\.ts$/, stand: "dns.ts" },
};

/** A fault that is put back: in a file of `src`, one text is replaced by another. */
export interface Mutation {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** Builds and loads the simulation. */
export function loadSimulation(mutations: readonly Mutation[] = []): Promise<Simulation> {
  return withSimulation(mutations, (file) => Promise.resolve(requireSimulation(file)));
}

/** Builds the simulation into a file, which is there until the task is done. */
export async function withSimulation<T>(
  mutations: readonly Mutation[],
  task: (file: string) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "headgate-simulation-"));
  const outfile = join(folder, "simulation.cjs");
  try {
    await build({
      absWorkingDir: ROOT,
      entryPoints: ["tools/simulation/inside.ts"],
      outfile,
      bundle: true,
      platform: "node",
      target: "node20",
      format: "cjs",
      sourcemap: "inline",
      sourcesContent: false,
      logLevel: "warning",
      plugins: [standIns(), mutate(mutations)],
    });
    return await task(outfile);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function standIns(): Plugin {
  return {
    name: "stand-ins",
    setup({ onResolve }) {
      for (const [name, { importers, stand }] of Object.entries(DOORS))
        onResolve({ filter: new RegExp(`^${name}$`) }, ({ importer }) =>
          importers.test(importer) ? { path: join(import.meta.dirname, stand) } : undefined,
        );
    },
  };
}

function mutate(mutations: readonly Mutation[]): Plugin {
  return {
    name: "mutations",
    setup({ onLoad }) {
      const names = mutations.map(({ file }) => file.replaceAll(".", "\\."));
      // Only files with a mutation: each call is a message between esbuild's process and this one.
      if (names.length === 0) return;
      onLoad({ filter: new RegExp(`/(${names.join("|")})$`) }, ({ path }) => {
        const file = relative(ROOT, path);
        let contents = readFileSync(path, "utf8");
        for (const { from, to } of mutations.filter((one) => one.file === file)) {
          if (contents.split(from).length !== 2)
            throw new Error(`${file} does not hold the mutation's text once: ${from}`);
          contents = contents.replace(from, () => to);
        }
        return { contents, loader: "ts" };
      });
    },
  };
}
