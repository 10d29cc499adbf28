import assert from "node:assert/strict";
import test from "node:test";

import { type MaskableDiagnostic, createMasking } from "../../src/config/masked.ts";
import { loadConfig } from "../../src/config/load.ts";
import { toJsonSchema } from "../../src/config/schema/file.ts";
import { problemsOf } from "../support/route-file.ts";

const mask = createMasking((name) => name === "billing");
const masked = (message: string, more: Partial<MaskableDiagnostic> = {}): string =>
  mask({ message, ...more });

/*
 * Symptom: the status page showed `upsteam: is not a known key; did you mean "…"?`.
 * Root cause: all quoted text was masked, including headgate's own suggestions.
 * Fix: headgate's own words stay; a hint that repeats text of the file keeps only headgate's own characters.
 */
test("a hint of headgate's own is not masked", () => {
  for (const hint of ["upstream", "convert", "responseTimeout", "billing"])
    assert.equal(
      masked(`is not a known key; did you mean "${hint}"?`),
      `is not a known key; did you mean "${hint}"?`,
    );
});

test("text of the file is masked, also where a hint repeats it", () => {
  assert.equal(
    masked('"secret" is not one of convert, auto; did you mean "convert"?'),
    '"…" is not one of convert, auto; did you mean "convert"?',
  );
  const hints = {
    ":8080": ":…",
    "[::1]:8080": "[::…]:…",
    "http://s3cret-host": "http://…",
    "30s": "…s",
    "/users/{id}": "/…/{…}",
    secret: "…",
  };
  for (const [hint, shown] of Object.entries(hints))
    assert.equal(masked(`x; did you mean "${hint}"?`), `x; did you mean "${shown}"?`);
});

test("a problem begins with its place and key", () => {
  const place = { file: "a.yaml", line: 3, col: 5, key: "upstream" };
  assert.equal(
    masked('"http://u:secret@x" holds a user', place),
    'a.yaml:3:5 upstream: "…" holds a user',
  );
  assert.equal(masked("does not exist", { file: "a.yaml", key: "" }), "a.yaml: does not exist");
  assert.equal(masked("headgate is stopping"), "headgate is stopping");
});

/** The paths of all values that are no mappings, with `value` at each: one route file for each key of the schema. */
function plant(schema: unknown, value: unknown): readonly unknown[] {
  const { properties, items, anyOf, oneOf } = Object(schema) as Record<string, unknown>;
  const alternatives = [anyOf, oneOf].flat().filter((one) => one !== undefined);
  return [
    value,
    ...alternatives.flatMap((one) => plant(one, value)),
    ...plantItems(items, value),
    ...Object.entries(Object(properties)).flatMap(([key, inner]) =>
      plant(inner, value).map((one) => ({ [key]: one })),
    ),
  ];
}

function plantItems(items: unknown, value: unknown): readonly unknown[] {
  return items === undefined ? [] : plant(items, value).map((one) => [one]);
}

test("no masked problem of a route file shows a value of the file", async () => {
  const secrets = ["s3cret-9f8e", "9f8e77", "s3cret:9f8e", "http://u:9f8e@h/", "/9f8e/:x"];
  const files = secrets.flatMap((secret) => plant(toJsonSchema(), secret));
  assert.ok(files.length > 400, String(files.length));
  let count = 0;
  for (const file of files) {
    const load = loadConfig({
      flags: { config: "f.yaml" },
      env: {},
      cwd: "/no/such/folder",
      readInput: async () => Buffer.from(JSON.stringify(file)),
    });
    const problems = await load.then(
      () => [],
      () => problemsOf(load),
    );
    count += problems.length;
    // A route is identified by its path, which is its name on the page.
    const lines = problems.filter(({ key }) => !key.startsWith("routes")).map(mask);
    for (const line of lines) assert.doesNotMatch(line, /cret|9f8e/, JSON.stringify(file));
  }
  assert.ok(count > 400, String(count));
});
