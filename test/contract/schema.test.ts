// What editors and other readers need from the JSON Schema.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { parseAllDocuments, stringify } from "yaml";

import type { JsonSchema } from "../../src/config/schema/json-schema.ts";
import { root } from "../support/manifests.ts";
import { SCHEMA, ajv, findSchemaErrors } from "../support/schema-validator.ts";

type Entry = readonly [key: string, schema: JsonSchema];

/** Every key, with its full path. */
function listKeys({ properties = {}, ...schema }: JsonSchema, before = ""): readonly Entry[] {
  const inner = [schema.items, schema.additionalProperties, ...(schema.anyOf ?? [])];
  return [
    ...Object.entries(properties).flatMap(([key, one]): readonly Entry[] => [
      [`${before}${key}`, one],
      ...listKeys(one, `${before}${key}.`),
    ]),
    ...inner.flatMap((one) => (typeof one === "object" ? listKeys(one, before) : [])),
  ];
}

/** All alternatives for a value. */
function listAlternatives(schema: JsonSchema): readonly JsonSchema[] {
  return schema.anyOf === undefined
    ? [schema, ...(schema.items === undefined ? [] : listAlternatives(schema.items))]
    : [schema, ...schema.anyOf.flatMap(listAlternatives)];
}

const keys = listKeys(SCHEMA);

test("each key has a description, and a default, examples or given names beside it", () => {
  assert.ok(keys.length > 100, String(keys.length));
  for (const [key, schema] of keys) {
    assert.ok((schema.description ?? "").length > 10, key);
    const all = listAlternatives(schema);
    const isShown = ({ default: preset, examples, enum: names, type = "" }: JsonSchema) =>
      preset !== undefined ||
      examples !== undefined ||
      names !== undefined ||
      ["boolean", "integer", "object"].includes(type);
    assert.ok(all.some(isShown), key);
  }
});

test("each key accepts its own default and examples", () => {
  const { definitions = {} } = SCHEMA;
  // Many keys share a schema: it is compiled once.
  const compiled = new Map<string, (value: unknown) => boolean>();
  for (const [key, schema] of keys)
    for (const { description: _, examples = [], default: preset, ...one } of listAlternatives(
      schema,
    ))
      for (const value of preset === undefined ? examples : [...examples, preset])
        assert.ok(compile(one)(value), `${key}: ${JSON.stringify(value)}`);

  function compile(one: JsonSchema): (value: unknown) => boolean {
    const name = JSON.stringify(one);
    const known = compiled.get(name) ?? ajv.compile({ ...one, definitions });
    compiled.set(name, known);
    return known;
  }
});

// helm reads the schema in Go and many checkers in Python: syntax that only JavaScript knows makes the entire schema unreadable there.
test("JavaScript, Go and Python read every pattern alike", () => {
  const patterns = [...JSON.stringify(SCHEMA).matchAll(/"pattern":("(?:[^"\\]|\\.)*")/g)].map(
    ([, text = ""]) => JSON.parse(text) as string,
  );
  assert.ok(patterns.length > 30);
  for (const pattern of patterns) {
    assert.doesNotMatch(pattern, /\(\?[^:]/, "looks around, or names a group");
    assert.doesNotMatch(pattern, /\\[^xs.*{}[\]$/]/, "has an escape of its own");
    assert.doesNotMatch(pattern, /\{[0-9]*,?[0-9]{4,}\}/, "repeats more than Go does");
    assert.ok(new RegExp(pattern, "u"), "with the flag that validators set");
  }
});

/** Route files: as files, in the texts of manifests and values, and in the documentation. */
function listRouteFiles(): readonly (readonly [place: string, text: string])[] {
  const files = ["config", "docs", "examples", "helm", "."].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: folder !== ".", encoding: "utf8" }).map((name) =>
      join(folder, name),
    ),
  );
  return files.flatMap((file) => {
    const texts = /\.(?:yaml|md)$/.test(file) ? [readFileSync(join(root, file), "utf8")] : [];
    const blocks = file.endsWith(".md")
      ? texts.flatMap((text) =>
          [...text.matchAll(/```yaml\n(.*?)```/gs)].map(([, block = ""]) => block),
        )
      : texts;
    return blocks.flatMap(findRouteFiles).map((text) => [file, text] as const);
  });
}

function findRouteFiles(text: string): readonly string[] {
  const documents = parseAllDocuments(text, { logLevel: "silent" });
  // A template is no YAML.
  if (!Array.isArray(documents) || documents.some(({ errors }) => errors.length > 0)) return [];
  return documents.flatMap((one) => findInside(one.toJS()));
}

function findInside(value: unknown): readonly string[] {
  if (typeof value !== "object" || value === null) return [];
  const names = Object.keys(value);
  if (
    !Array.isArray(value) &&
    names.length > 0 &&
    names.every((name) => name in (SCHEMA.properties ?? {}))
  )
    return [stringify(value)];
  return Object.entries(value).flatMap(([key, one]) => {
    const isFile = key === "headgate.yaml" || key === "file";
    return isFile && typeof one === "string" ? [one] : findInside(one);
  });
}

test("the schema accepts every route file in the repository", () => {
  const all = listRouteFiles();
  const places = new Set(all.map(([place]) => place));
  for (const place of [
    "README.md",
    "docs/head.md",
    "config/strict.yaml",
    "examples/compose/headgate/headgate.yaml",
  ])
    assert.ok(places.has(place), place);
  assert.ok(all.length > 12, [...places].join(" "));
  for (const [place, text] of all)
    assert.deepEqual(findSchemaErrors(text), [], `${place}\n${text}`);
});
