/** Every manifest of the chart, the components and the examples, checked against Kubernetes' own types. */

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import test, { type TestContext } from "node:test";

import { EXAMPLES, renderExample } from "../support/examples.ts";
import { assertTyped, assertValid, findTypeErrors } from "../support/manifest-types.ts";
import { type Manifest, chart, kustomize, missing, render, root } from "../support/manifests.ts";

const RENDERED: Readonly<Record<string, (t: TestContext) => readonly Manifest[]>> = {
  ...Object.fromEntries(
    readdirSync(join(chart, "ci")).map((file) => [
      `ci/${file}`,
      () => render(chart, "-f", join(chart, "ci", file)),
    ]),
  ),
  ...Object.fromEntries(
    Object.keys(EXAMPLES).map((name) => [`examples, ${name}`, (t) => renderExample(t, name)]),
  ),
};

test("manifests that helm renders", { skip: missing("helm") }, async (t) => {
  const sets = Object.values(RENDERED).map((make) => make(t));
  const errors = findTypeErrors(t, sets);
  for (const [index, name] of Object.keys(RENDERED).entries())
    await t.test(`${name}: every manifest matches Kubernetes' types`, async () => {
      await assertValid(sets[index] ?? []);
      assert.equal(errors[index], "");
    });
});

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

test("the check tells in which of several sets a key is unknown", (t) => {
  const wrong = { ...pod, spec: { containers: [{ name: "a", livenesProbe: {} }] } };
  const right = { ...pod, spec: { containers: [{ name: "a" }] } };
  const errors = findTypeErrors(t, [[right], [wrong], [right]]);
  assert.deepEqual([errors[0], errors[2]], ["", ""]);
  assert.match(errors[1] ?? "", /livenesProbe.* does not exist in type/);
});
