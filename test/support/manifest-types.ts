/**
 * Checks manifests against Kubernetes' own types: values at run time (`validate`), and unknown keys by the type checker, which refuses
 * them in a literal.
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";

import { type Manifest, root } from "./manifests.ts";

/** Fails if Kubernetes would refuse one of the manifests. */
export async function assertTyped(t: TestContext, manifests: readonly Manifest[]): Promise<void> {
  await assertValid(manifests);
  assert.deepEqual(findTypeErrors(t, [manifests]), [""]);
}

/** Fails if a value in the manifests is one that Kubernetes would refuse. */
export async function assertValid(manifests: readonly Manifest[]): Promise<void> {
  for (const manifest of manifests) {
    const models = (await import(toModule(manifest))) as Record<
      string,
      new (data: object) => { validate(): void }
    >;
    const Model = models[manifest.kind];
    assert.ok(Model, `${manifest.apiVersion} has a ${manifest.kind}`);
    new Model(manifest).validate();
  }
}

/** The type errors of each set of manifests, as text; empty without an error. One run of the type checker reads all sets. */
export function findTypeErrors(
  t: TestContext,
  sets: readonly (readonly Manifest[])[],
): readonly string[] {
  // The folder is below node_modules, where types resolve, and formatter and linter do not look.
  const cache = join(root, "node_modules", ".cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "manifests-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const files = sets.map((_, index) => `set-${index}.ts`);
  for (const [index, manifests] of sets.entries())
    writeFileSync(join(folder, files[index] ?? ""), manifests.map(toSource).join(""));
  const options = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    module: "nodenext",
    types: [],
    rootDir: "/",
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files }));
  const tsc = spawnSync(join(root, "node_modules", ".bin", "tsc"), ["-p", folder], {
    encoding: "utf8",
  });
  if (tsc.status === 0) return files.map(() => "");
  // `path/set-0.ts(1,2): error …`, with further lines indented. Errors without a file count for every set.
  const errors = tsc.stdout.split(/\n(?=\S)/);
  assert.notEqual(errors.join(""), "", tsc.stderr);
  return files.map((file) =>
    errors.filter((error) => !/set-\d+\.ts\(/.test(error) || error.includes(`${file}(`)).join("\n"),
  );
}

function toSource(manifest: Manifest, index: number): string {
  const type = `import("${toModule(manifest)}").I${manifest.kind}`;
  return `export const m${index}: ${type} = ${JSON.stringify(manifest, undefined, 1)};\n`;
}

/** The packages with the types of custom resources, by API group. */
const PACKAGES: Readonly<Record<string, string>> = {
  "monitoring.coreos.com": "@kubernetes-models/prometheus-operator",
  "gateway.networking.k8s.io": "@kubernetes-models/gateway-api",
};

function toModule({ apiVersion }: Manifest): string {
  const [group = ""] = apiVersion.split("/");
  return `${PACKAGES[group] ?? "kubernetes-models"}/${apiVersion}`;
}
