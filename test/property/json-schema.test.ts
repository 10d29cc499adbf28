// The JSON Schema and `check` accept the same files.

import assert from "node:assert/strict";
import test from "node:test";

import { loadConfig } from "../../src/config/load.ts";
import { ConfigError } from "../../src/config/diagnostic.ts";
import { CERTIFICATE, KEY } from "../support/certificate.ts";
import { type Generated, generateFiles } from "../support/generated-files.ts";
import { makeDirectory } from "../support/route-file.ts";
import { SCHEMA, findSchemaErrors } from "../support/schema-validator.ts";

const FILES = { "cert.pem": CERTIFICATE, "key.pem": KEY };

/** The errors that `check` reports; empty for a valid file. */
async function findMistakes(text: string, cwd: string, env: Generated["env"] = {}) {
  const readInput = async (): Promise<Uint8Array> => new TextEncoder().encode(text);
  try {
    await loadConfig({ flags: { config: "f.yaml" }, env, cwd, readInput });
    return "";
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

/**
 * Symptom: an editor accepted `listen: localhost` and refused `upstream: HTTP://App`; it and `check` judged 742 of 3,586 generated files
 * differently. Root cause: the schema had patterns of its own for some kinds of text, and none for what keys need beside them. Fix: each
 * parser has its syntax beside it, and the schema is made of these.
 */
test("the schema and check judge every generated file alike", async (t) => {
  const cwd = await makeDirectory(t, FILES);
  const files = generateFiles(SCHEMA);
  assert.ok(files.length > 3_000, `${files.length} files`);
  const [misjudged, differing]: [string[], string[]] = [[], []];
  for (const { name, text, env, isGood } of files) {
    const mistakes = await findMistakes(text, cwd, env);
    const isTaken = mistakes === "";
    if (isGood !== undefined && isGood !== isTaken) misjudged.push(`${name} ${mistakes}`);
    const errors = findSchemaErrors(text);
    if ((errors.length === 0) !== isTaken)
      differing.push(`${name}\n  check: ${mistakes}\n  schema: ${errors.join(", ")}`);
  }
  assert.deepEqual(misjudged, []);
  // A flag may set the url: see below.
  assert.deepEqual(
    differing.map((one) => one.split("\n")[0]),
    ["upstream: {}"],
  );
});

const BASE = "upstream: http://127.0.0.1:8000\n";
const TLS = (settings: string, url = "https://app") =>
  `upstream: { url: "${url}", tls: ${settings} }\n`;

/** Rules about more than one value. */
const COMBINATIONS: readonly (readonly [isGood: boolean, text: string])[] = [
  [true, `${BASE}listen: { address: "unix:/a", mode: "0660" }\n`],
  [true, `${BASE}listen:\n  address: \${A:-unix:/a}\n  mode: "0660"\n`],
  [false, `${BASE}listen: { address: ":80", mode: "0660" }\n`],
  [false, `${BASE}listen: { address: "fd:3", mode: "0660" }\n`],
  [false, `${BASE}admin: { address: off, mode: "0660" }\n`],
  [true, `${BASE}admin: { address: off }\n`],
  [false, `${BASE}listen: { mode: "0660" }\n`],
  [true, TLS("{}")],
  [true, TLS("{}", "HTTPS://app")],
  [true, TLS("{}", "${URL:-https://app}")],
  [true, TLS("{ cert: cert.pem, key: key.pem }")],
  [false, TLS("{ cert: cert.pem }")],
  [false, TLS("{ key: key.pem }")],
  [false, TLS("{}", "http://app")],
  [false, TLS("{}", "unix:/a")],
  [false, `${BASE}upstreams: { a: { url: "http://a", tls: {} } }\n`],
  [false, `${BASE}upstreams: { a: { keepAlive: 1s } }\n`],
  [false, `${BASE}upstreams: { a: {} }\n`],
  [false, `${BASE}routes: [{ head: pass }]\n`],
  [false, `${BASE}options: { allow: [] }\n`],
  [false, `${BASE}options: {}\n`],
  [true, `${BASE}routes: []\nupstreams: {}\nlog: { fields: [] }\n`],
  [false, `${BASE}upstream: http://b\n`],
  [true, `${BASE}log: &a { level: info }\n`],
  [false, TLS(`{ ca: ${"a".repeat(4097)} }`)],
  [false, `${BASE}head: { guards: [${"tus,".repeat(4096)}tus] }\n`],
  [true, `${BASE}head: { guards: [${"tus,".repeat(4095)}tus] }\n`],
  [false, "[]\n"],
  [false, "text\n"],
  [false, "\n"],
];

test("the schema knows which keys belong together, and how much a file may hold", async (t) => {
  const cwd = await makeDirectory(t, FILES);
  for (const [isGood, text] of COMBINATIONS) {
    const title = text.slice(0, 100);
    const mistakes = await findMistakes(text, cwd);
    assert.equal(mistakes === "", isGood, `${title} ${mistakes}`);
    const errors = findSchemaErrors(text);
    assert.equal(errors.length === 0, isGood, `${title} ${errors.join(", ")}`);
  }
});

interface Difference {
  readonly why: string;
  readonly text: string;
  readonly env?: Generated["env"];
}

/** Files that the schema accepts and check refuses. The schema refuses no file that check accepts. */
const NEED_CONTEXT: readonly Difference[] = [
  { why: "a flag or an environment variable may name the upstream", text: "head: pass\n" },
  {
    why: "a flag or an environment variable may give the mapping's url",
    text: "upstream: { keepAlive: 1s }\n",
  },
  { why: "the file must exist", text: TLS("{ ca: none.pem }") },
  { why: "the file is read", text: TLS("{ ca: key.pem }") },
  { why: "a variable is not set", text: `${BASE}listen: \${LISTEN}\n` },
  { why: "a variable's value", text: `${BASE}listen: \${LISTEN}\n`, env: { LISTEN: "8080" } },
  {
    why: "a variable's default counts only if the variable is not set",
    text: `${BASE}listen: \${L:-80}\n`,
  },
  {
    why: "quotes make a variable a text, and a parsed value has none",
    text: `${BASE}limits:\n  waiting: "\${W:-12}"\n`,
  },
  {
    why: "without quotes, digits from a variable are a number",
    text: `${BASE}listen:\n  address: unix:/a\n  mode: \${M:-0660}\n`,
  },
  { why: "two values are compared", text: `${BASE}listen: 127.0.0.1:80\nadmin: :80\n` },
  { why: "two values are compared", text: "listen: :8000\nupstream: http://127.0.0.1:8000\n" },
  { why: "two routes are compared", text: `${BASE}routes: [{ path: /a }, { path: /a }]\n` },
  {
    why: "two names are compared",
    text: `${BASE}routes: [{ path: /a, name: n }, { path: /b, name: n }]\n`,
  },
  {
    why: "a name is looked up in upstreams",
    text: `${BASE}routes: [{ path: /a, upstream: none }]\n`,
  },
  { why: "a fraction of a larger unit is computed", text: `${BASE}head: { share: 0.5h }\n` },
  {
    why: "a fraction of a larger unit is computed",
    text: `${BASE}limits: { headerBytes: 0.0001MiB }\n`,
  },
  { why: "bytes are counted, not characters", text: `${BASE}admin: "unix:/${"é".repeat(54)}"\n` },
  { why: "IDNA has rules for each character", text: "upstream: http://a\uff03b\n" },
  {
    why: "which characters print nothing differs between versions of Unicode",
    text: `${BASE}routes: [{ path: "/a\u200b" }]\n`,
  },
];

for (const { why, text, env } of NEED_CONTEXT)
  test(`only check can tell: ${why}`, async (t) => {
    const cwd = await makeDirectory(t, FILES);
    assert.notEqual(await findMistakes(text, cwd, env), "");
    assert.deepEqual(findSchemaErrors(text), []);
  });
