/** Every manifest of test/support/inject-manifests.ts: accepted, idempotent, and restored to the byte. */

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
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

/** Jobs take no ordinary sidecar; after flow style there is no room for a ConfigMap. */
function isRefused(name: string, text: string, { isNative, routeFile }: InjectOptions): boolean {
  if (!isNative && /kind: (?:Cron)?Job/.test(text)) return true;
  return routeFile !== undefined && (name === "flow style" || name.endsWith("without a line end"));
}

/** What inject writes into a manifest, for all tests of it: reading and writing it is most of what they cost. */
function afterInject(name: string, options: InjectOptions): string {
  const known = texts.get(options) ?? new Map<string, string>();
  texts.set(options, known);
  const text = known.get(name) ?? injected(MANIFESTS[name] ?? "", options);
  known.set(name, text);
  return text;
}
const texts = new Map<InjectOptions, Map<string, string>>();

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
  test(`${name}: inject adds headgate, a second inject changes nothing, --remove restores the bytes`, () => {
    for (const [way, options] of ways(name)) {
      const after = afterInject(name, options);
      assert.notEqual(after, text, way);
      assert.equal(injected(after, options), after, `${way}: idempotent`);
      assert.equal(removed(after), text, `${way}: removed`);
    }
  });

  test(`${name}: only headgate differs in the parsed manifests`, () => {
    for (const [way, options] of ways(name)) {
      const after = objectsOf(afterInject(name, options));
      assert.deepEqual(withoutHeadgate(after), withoutHeadgate(objectsOf(text)), way);
    }
  });

  test(`${name}: the line ends stay those of the file`, () => {
    const after = afterInject(name, OPTIONS);
    if (text.includes("\r\n")) assert.doesNotMatch(after, /(?<!\r)\n/);
    else assert.doesNotMatch(after, /\r/);
  });
}

test("all of them match Kubernetes' types", async (t) => {
  assert.ok(Object.keys(MANIFESTS).length >= MIN_SHAPES);
  const all = Object.keys(MANIFESTS).flatMap((name) =>
    ways(name).flatMap(([, options]) => objectsOf(afterInject(name, options))),
  );
  await assertTyped(t, all);
});

for (const [way, options] of Object.entries(WAYS)) {
  test(
    `kubectl decodes all of them by its own types: ${way}`,
    { skip: missing("kubectl") },
    async (t) => {
      const written = Object.entries(MANIFESTS)
        .filter(([name, text]) => !NOT_FOR_KUBECTL.has(name) && !isRefused(name, text, options))
        .map(([name]) => afterInject(name, options));
      assert.ok(written.length >= MIN_SHAPES, String(written.length));
      const files = written.map((text, index) => [`${index}.yaml`, text] as const);
      const { stdout, stderr } = decodePods(await makeDirectory(t, Object.fromEntries(files)));
      assert.equal(stderr, "");
      const pods = written
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
  const names = Object.keys(MANIFESTS).filter((name) => !NOT_FOR_KUSTOMIZE.has(name));
  assert.ok(names.length >= MIN_SHAPES);
  // One run reads all: each is a kustomization of its own, and its prefix tells them apart.
  const folder = await makeDirectory(t, {
    "kustomization.yaml": `resources: [${names.map((_, index) => `app-${index}`).join(", ")}]\n`,
  });
  for (const [index, name] of names.entries()) {
    const app = join(folder, `app-${index}`);
    mkdirSync(app);
    writeFileSync(join(app, "app.yaml"), afterInject(name, OPTIONS));
    writeFileSync(
      join(app, "kustomization.yaml"),
      `resources: [app.yaml]\nnamePrefix: app-${index}-\n`,
    );
  }
  const built = kustomize(folder).map(({ metadata }) => String(metadata["name"]));
  for (const [index, name] of names.entries())
    assert.ok(
      built.some((each) => each.startsWith(`app-${index}-`)),
      name,
    );
});
