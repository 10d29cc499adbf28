import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import test from "node:test";
import { toReference, toTopLevel } from "../../scripts/reference.ts";
import { loadConfig } from "../../src/config/load.ts";
import { toJsonSchema } from "../../src/config/schema.ts";
import { SCHEMA, findSchemaErrors } from "../support/schema-validator.ts";

const directory = new URL("../../config/", import.meta.url);
const names = (await readdir(directory)).filter((name) => name.endsWith(".yaml"));
const HINT = "run: node --import tsx scripts/generate.ts";

test("config/headgate.schema.json is what `headgate schema` prints", async () => {
  assert.deepEqual(SCHEMA, JSON.parse(JSON.stringify(toJsonSchema())), HINT);
});

test("docs/route-file.md is what the schema says", async () => {
  assert.equal(
    await readFile(new URL("../../docs/route-file.md", import.meta.url), "utf8"),
    toReference(toJsonSchema()),
    HINT,
  );
});

test("a list of given values is told without a plural of the last one", () => {
  const reference = toReference(toJsonSchema());
  assert.match(
    reference,
    /^\| `head\.guards` +\| list of any of `tus`, `signed`, `signed-url` +\|/m,
  );
  assert.doesNotMatch(reference, /`s\b/);
});

test("the README's table of keys is what the schema says", async () => {
  const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");
  assert.ok(
    readme.includes(`<!-- generated -->\n\n${toTopLevel(toJsonSchema())}\n<!-- /generated -->`),
    HINT,
  );
});

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
  test(`config/${name} loads, an editor checks it, and it explains itself`, async () => {
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
