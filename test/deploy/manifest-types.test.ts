/**
 * Every manifest that the chart, the components and the examples make, against Kubernetes' own types: values at run time
 * (`validate`), unknown keys by the type checker, which refuses them in a literal.
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type TestContext } from "node:test";

import { EXAMPLES, renderExample } from "../support/examples.ts";
import { type Manifest, chart, kustomize, missing, render, root } from "../support/manifests.ts";

const helmIsMissing = missing("helm");

for (const file of readdirSync(join(chart, "ci"))) {
  test(
    `ci/${file}: every manifest is what Kubernetes' types say`,
    { skip: helmIsMissing },
    async (t) => {
      await assertTyped(t, render(chart, "-f", join(chart, "ci", file)));
    },
  );
}

for (const name of Object.keys(EXAMPLES)) {
  test(
    `examples, ${name}: every manifest is what Kubernetes' types say`,
    { skip: helmIsMissing },
    async (t) => {
      await assertTyped(t, renderExample(t, name));
    },
  );
}

test(
  "kustomize: every manifest is what Kubernetes' types say",
  { skip: missing("kubectl") },
  async (t) => {
    await assertTyped(t, kustomize(join(root, "examples", "kubernetes", "kustomize", "after")));
  },
);

const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "a" } };

test("the check catches a wrong value", async (t) => {
  const wrong = {
    ...pod,
    spec: { containers: [{ name: "a", ports: [{ containerPort: "http" }] }] },
  };
  await assert.rejects(assertTyped(t, [wrong]), /containerPort/);
});

test("the check catches an unknown key", async (t) => {
  const wrong = { ...pod, spec: { containers: [{ name: "a", livenesProbe: {} }] } };
  await assert.rejects(assertTyped(t, [wrong]), /livenesProbe.* does not exist in type/);
});

async function assertTyped(t: TestContext, manifests: readonly Manifest[]): Promise<void> {
  for (const manifest of manifests) {
    const models = (await import(toModule(manifest))) as Record<
      string,
      new (data: object) => { validate(): void }
    >;
    const Model = models[manifest.kind];
    assert.ok(Model, `${manifest.apiVersion} has a ${manifest.kind}`);
    new Model(manifest).validate();
  }
  // Below node_modules, where the types resolve and no formatter or linter looks.
  const cache = join(root, "node_modules", ".cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "manifests-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "manifests.ts"), manifests.map(toSource).join(""));
  const options = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    module: "nodenext",
    types: [],
    rootDir: "/",
  };
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({ compilerOptions: options, files: ["manifests.ts"] }),
  );
  const tsc = spawnSync(join(root, "node_modules", ".bin", "tsc"), ["-p", folder], {
    encoding: "utf8",
  });
  assert.equal(tsc.status, 0, tsc.stdout);
}

function toSource(manifest: Manifest, index: number): string {
  const type = `import("${toModule(manifest)}").I${manifest.kind}`;
  return `export const m${index}: ${type} = ${JSON.stringify(manifest, undefined, 1)};\n`;
}

/** Packages with the types of custom resources, by API group. */
const PACKAGES: Readonly<Record<string, string>> = {
  "monitoring.coreos.com": "@kubernetes-models/prometheus-operator",
  "gateway.networking.k8s.io": "@kubernetes-models/gateway-api",
};

function toModule({ apiVersion }: Manifest): string {
  const [group = ""] = apiVersion.split("/");
  return `${PACKAGES[group] ?? "kubernetes-models"}/${apiVersion}`;
}
