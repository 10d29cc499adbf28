/** Every manifest of the chart, the components and the examples, checked against Kubernetes' own types. */

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";

import { EXAMPLES, renderExample } from "../support/examples.ts";
import { assertTyped } from "../support/manifest-types.ts";
import { chart, kustomize, missing, render, root } from "../support/manifests.ts";

const helmIsMissing = missing("helm");

for (const file of readdirSync(join(chart, "ci"))) {
  test(
    `ci/${file}: every manifest matches Kubernetes' types`,
    { skip: helmIsMissing },
    async (t) => {
      await assertTyped(t, render(chart, "-f", join(chart, "ci", file)));
    },
  );
}

for (const name of Object.keys(EXAMPLES)) {
  test(
    `examples, ${name}: every manifest matches Kubernetes' types`,
    { skip: helmIsMissing },
    async (t) => {
      await assertTyped(t, renderExample(t, name));
    },
  );
}

test(
  "kustomize: every manifest matches Kubernetes' types",
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
