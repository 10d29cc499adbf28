/** Every manifest of test/support/inject-manifests.ts: accepted, idempotent, and back to the byte. */

import assert from "node:assert/strict";
import test from "node:test";

import type { InjectOptions } from "../../../src/cli/inject/options.ts";
import { MANIFESTS } from "../../support/inject-manifests.ts";
import {
  OPTIONS,
  WITH_FILE,
  injected,
  objectsOf,
  removed,
  withoutHeadgate,
} from "../../support/inject.ts";
import { decodePods, kustomize, missing } from "../../support/manifests.ts";
import { makeDirectory } from "../../support/route-file.ts";
import { assertTyped } from "../../support/manifest-types.ts";

const WAYS: Readonly<Record<string, InjectOptions>> = {
  native: OPTIONS,
  "native, with a route file": WITH_FILE,
  ordinary: { ...OPTIONS, isNative: false },
  "ordinary, with a route file": { ...WITH_FILE, isNative: false },
};

/** Jobs take no ordinary sidecar; behind flow style is no place for a ConfigMap. */
function isRefused(name: string, text: string, { isNative, routeFile }: InjectOptions): boolean {
  if (!isNative && /kind: (?:Cron)?Job/.test(text)) return true;
  return routeFile !== undefined && (name === "flow style" || name.endsWith("without a line end"));
}

function ways(name: string): readonly (readonly [string, InjectOptions])[] {
  const text = MANIFESTS[name] ?? "";
  return Object.entries(WAYS).filter(([, options]) => !isRefused(name, text, options));
}

/** Those that kustomize refuses without headgate as well. */
const NOT_FOR_KUSTOMIZE: ReadonlySet<string> = new Set([
  "--- first, ... last, empty documents",
  "a %YAML directive",
  "a Job with a generated name",
]);

/** Those that kubectl cannot read without headgate either. */
const NOT_FOR_KUBECTL: ReadonlySet<string> = new Set([
  "--- first, ... last, empty documents",
  "a %YAML directive",
  "flow style",
]);

/** Each check must accept at least this many shapes. */
const MIN_SHAPES = 25;

for (const [name, text] of Object.entries(MANIFESTS)) {
  test(`${name}: inject adds headgate, a second one changes nothing, --remove gives back the bytes`, () => {
    for (const [way, options] of ways(name)) {
      const after = injected(text, options);
      assert.notEqual(after, text, way);
      assert.equal(injected(after, options), after, `${way}: idempotent`);
      assert.equal(removed(after), text, `${way}: removed`);
    }
  });

  test(`${name}: nothing but headgate differs in what the manifests mean`, () => {
    for (const [way, options] of ways(name)) {
      const after = objectsOf(injected(text, options));
      assert.deepEqual(withoutHeadgate(after), withoutHeadgate(objectsOf(text)), way);
    }
  });

  test(`${name}: the line ends are those of the file`, () => {
    const after = injected(text, OPTIONS);
    if (text.includes("\r\n")) assert.doesNotMatch(after, /(?<!\r)\n/);
    else assert.doesNotMatch(after, /\r/);
  });
}

test("all of them are what Kubernetes' types say", async (t) => {
  assert.ok(Object.keys(MANIFESTS).length >= MIN_SHAPES);
  const all = Object.entries(MANIFESTS).flatMap(([name, text]) =>
    ways(name).flatMap(([, options]) => objectsOf(injected(text, options))),
  );
  await assertTyped(t, all);
});

for (const [way, options] of Object.entries(WAYS)) {
  test(
    `kubectl decodes all of them by its own types: ${way}`,
    { skip: missing("kubectl") },
    async (t) => {
      const texts = Object.entries(MANIFESTS)
        .filter(([name, text]) => !NOT_FOR_KUBECTL.has(name) && !isRefused(name, text, options))
        .map(([, text]) => injected(text, options));
      assert.ok(texts.length >= MIN_SHAPES, String(texts.length));
      const files = texts.map((text, index) => [`${index}.yaml`, text] as const);
      const { stdout, stderr } = decodePods(await makeDirectory(t, Object.fromEntries(files)));
      assert.equal(stderr, "");
      const pods = texts
        .flatMap(objectsOf)
        .filter((object) => JSON.stringify(object).includes('"containers":'));
      assert.equal(stdout.trim().split("\n").length, pods.length);
    },
  );
}

test(
  "kubectl cannot read the others without headgate either",
  { skip: missing("kubectl") },
  async (t) => {
    for (const name of NOT_FOR_KUBECTL) {
      const { status, stdout } = decodePods(
        await makeDirectory(t, { "app.yaml": MANIFESTS[name] ?? "" }),
      );
      assert.deepEqual([status, stdout], [1, ""], name);
    }
  },
);

test("kustomize reads all of them", { skip: missing("kubectl") }, async (t) => {
  const read = Object.entries(MANIFESTS).filter(([name]) => !NOT_FOR_KUSTOMIZE.has(name));
  assert.ok(read.length >= MIN_SHAPES);
  for (const [name, text] of read) {
    const kustomization = "resources: [app.yaml]\n";
    const files = { "app.yaml": injected(text), "kustomization.yaml": kustomization };
    const built = kustomize(await makeDirectory(t, files));
    assert.ok(built.length > 0, name);
  }
});
