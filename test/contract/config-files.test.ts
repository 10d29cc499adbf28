import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import test from "node:test";
import { readValues, toChartReadme } from "../../scripts/chart-readme.ts";
import { toReference } from "../../scripts/reference.ts";
import { embedRouteFile } from "../../scripts/values-schema.ts";
import { loadConfig } from "../../src/config/load.ts";
import { toJsonSchema } from "../../src/config/schema/file.ts";
import { SCHEMA, findSchemaErrors } from "../support/schema-validator.ts";

const directory = new URL("../../config/", import.meta.url);
const chart = new URL("../../helm/headgate/", import.meta.url);
const names = (await readdir(directory)).filter((name) => name.endsWith(".yaml"));
const HINT = "run: node --import tsx scripts/generate.ts";

test("config/headgate.schema.json is what `headgate schema` prints", async () => {
  assert.deepEqual(SCHEMA, JSON.parse(JSON.stringify(toJsonSchema())), HINT);
});

test("docs/route-file.md matches the schema", async () => {
  assert.equal(
    await readFile(new URL("../../docs/route-file.md", import.meta.url), "utf8"),
    toReference(toJsonSchema()),
    HINT,
  );
});

test("a list of given values has no plural on its last value", () => {
  const reference = toReference(toJsonSchema());
  assert.match(
    reference,
    /^\| `head\.guards` +\| list of any of `tus`, `signed`, `signed-url` +\|/m,
  );
  assert.doesNotMatch(reference, /`s\b/);
});

/**
 * Symptom: docs/route-file.md had no row for the keys of `listen`. Root cause: its mapping is an alternative inside of an alternative.
 * Fix: the generator looks into alternatives at any depth.
 */
test("docs/route-file.md has the keys of a listener", () => {
  const reference = toReference(toJsonSchema());
  for (const key of ["address", "tls.cert", "tls.certificates[].key", "http2", "proxyProtocol"])
    assert.ok(reference.includes(`| \`listen.${key}\` `), key);
});

test("the chart's values.schema.json embeds the route file's schema", async () => {
  const values = JSON.parse(await readFile(new URL("values.schema.json", chart), "utf8")) as object;
  const embedded = JSON.parse(JSON.stringify(embedRouteFile(values, toJsonSchema()))) as object;
  assert.deepEqual(values, embedded, HINT);
});

test("the chart's README matches values.yaml", async () => {
  const values = await readFile(new URL("values.yaml", chart), "utf8");
  assert.equal(await readFile(new URL("README.md", chart), "utf8"), toChartReadme(values), HINT);
});

test("every value of the chart has a comment in values.yaml, which the README shows", async () => {
  const values = readValues(await readFile(new URL("values.yaml", chart), "utf8"));
  assert.ok(values.length > 90);
  assert.deepEqual(
    values.filter(({ meaning }) => meaning === "").map(({ key }) => key),
    [],
  );
});

test("the check finds a value without a comment", () => {
  const values = "# -- First.\na: 1\n\nb:\n  # -- Below.\n  c: {}\n  d: [x] # -- no\ne: 2\n";
  assert.deepEqual(readValues(values), [
    { key: "a", preset: "1", meaning: "First." },
    { key: "b.c", preset: "{}", meaning: "Below." },
    { key: "b.d", preset: '["x"]', meaning: "" },
    { key: "e", preset: "2", meaning: "" },
  ]);
});

test("values.schema.json and values.yaml have the same keys", async () => {
  const schema = JSON.parse(await readFile(new URL("values.schema.json", chart), "utf8")) as Keys;
  const values = readValues(await readFile(new URL("values.yaml", chart), "utf8"));
  const known = new Set(values.map(({ key }) => key));
  // One value in values.yaml may be an object with keys in the schema. Parent charts set `enabled`.
  const keys = keysOf(schema, "")
    .map((key) => [...known].find((one) => key.startsWith(`${one}.`)) ?? key)
    .filter((key) => key !== "enabled");
  assert.deepEqual([...new Set(keys)].toSorted(), [...known].toSorted());
});

interface Keys {
  readonly properties?: Readonly<Record<string, Keys>>;
}

function keysOf({ properties = {} }: Keys, prefix: string): readonly string[] {
  return Object.entries(properties).flatMap(([key, value]) =>
    value.properties === undefined ? `${prefix}${key}` : keysOf(value, `${prefix}${key}.`),
  );
}

test("every key has a description", () => {
  const rows = toReference(toJsonSchema())
    .split("\n")
    .filter((line) => line.startsWith("| `"));
  assert.ok(rows.length > 50);
  for (const row of rows) assert.doesNotMatch(row, /\|\s*\|$/, row);
});

test("there is an example of each kind", () => {
  assert.deepEqual(names.toSorted(), [
    "fastapi.yaml",
    "minimal.yaml",
    "several-upstreams.yaml",
    "strict.yaml",
    "unix-socket.yaml",
  ]);
});

for (const name of names) {
  test(`config/${name} loads, an editor checks it, and comments explain it`, async () => {
    const text = await readFile(new URL(name, directory), "utf8");
    assert.match(text, /^# yaml-language-server: \$schema=headgate\.schema\.json\n\n# /);
    const { config } = await loadConfig({
      flags: { config: name },
      env: { UPSTREAM: "http://app" },
      cwd: fileURLToPath(directory),
    });
    assert.ok(config.upstreams.has("default"));
    assert.deepEqual(findSchemaErrors(text), []);
    assert.notDeepEqual(findSchemaErrors(`${text}\nlisen: :1\n`), []);
  });
}

test("strict.yaml does not start without its variable", async () => {
  const loading = loadConfig({
    flags: { config: "strict.yaml" },
    env: {},
    cwd: fileURLToPath(directory),
  });
  await assert.rejects(
    loading,
    /strict\.yaml:\d+:\d+ upstream\.url: the variable UPSTREAM is not set: the URL of the application/,
  );
});
