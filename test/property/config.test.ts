import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";
import { stringify } from "yaml";
import { loadConfig } from "../../src/config/load.ts";
import { ConfigError } from "../../src/config/diagnostic.ts";
import { codePoint, fc } from "../support/property.ts";

const examples = await Promise.all(
  ["minimal", "fastapi", "several-upstreams", "unix-socket", "strict"].map((name) =>
    readFile(new URL(`../../config/${name}.yaml`, import.meta.url), "utf8"),
  ),
);

/** Loads, or throws a ConfigError whose problems point into the file. */
async function loadsOrSaysWhy(text: string): Promise<void> {
  try {
    await loadConfig({
      flags: { config: "f.yaml" },
      env: { A: "x: [", UPSTREAM: "http://a" },
      cwd: "/no/such/folder",
      readInput: async () => Buffer.from(text),
    });
  } catch (error) {
    assert.ok(error instanceof ConfigError, error instanceof Error ? error.stack : String(error));
    assert.ok(error.diagnostics.length > 0);
    const lines = text.replace(/^\ufeff/, "").split("\n");
    for (const { line, col, message } of error.diagnostics) {
      assert.ok(
        line === undefined ||
          (col !== undefined && col >= 1 && col <= (lines[line - 1]?.length ?? -1) + 1),
      );
      assert.ok(
        message.length > 0 &&
          !/undefined|\[object|NaN|Invalid input/.test(
            message.replaceAll(/".*"|the number NaN/g, ""),
          ),
        message,
      );
    }
  }
}

const key = fc.constantFrom(
  "listen",
  "admin",
  "upstream",
  "upstreams",
  "head",
  "routes",
  "forwarded",
  "timeouts",
  "limits",
  "log",
  "url",
  "tls",
  "ca",
  "mode",
  "drain",
  "fallbackOn",
  "remember",
  "path",
  "host",
  "name",
  "trust",
  "header",
  "level",
  "__proto__",
  "constructor",
  "1",
  "default",
  "lisen",
  "",
);
const scalar = fc.oneof(
  fc.constantFrom(
    "convert",
    "pass",
    "auto",
    "off",
    "http://a",
    "unix:/a",
    "5s",
    "1KiB",
    "/a/*",
    "/{x}",
    "${A}",
    "${NONE}",
    "${",
    "$$",
    "*",
    "10.0.0.0/8",
    ":1",
    "fd:3",
    "/",
  ),
  fc.string(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
);
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5 },
    scalar,
    fc.dictionary(key, tie("tree"), { maxKeys: 6 }),
    fc.array(tie("tree"), { maxLength: 4 }),
  ),
}));

test("a random value in YAML loads or is refused with reasons", async () => {
  await fc.assert(
    fc.asyncProperty(fc.dictionary(key, tree, { maxKeys: 8 }), (value) =>
      loadsOrSaysWhy(stringify(value)),
    ),
    { numRuns: 300 },
  );
});

test("a random text loads or is refused with reasons", async () => {
  const noise = fc.string({
    unit: fc.constantFrom(..."abc:-?&*!|>%@`{}[],#'\"\t\n  ~$<"),
    maxLength: 60,
  });
  await fc.assert(
    fc.asyncProperty(fc.oneof(noise, fc.string({ unit: codePoint })), loadsOrSaysWhy),
    { numRuns: 400 },
  );
});

test("an example with random pieces replaced loads or is refused with reasons", async () => {
  const piece = fc.oneof(
    fc.string({ maxLength: 5 }),
    fc.constantFrom(
      "\n",
      "\t",
      "  ",
      ": ",
      "- ",
      "{",
      "]",
      "*a",
      "&a ",
      "<<: ",
      "!!x ",
      "---\n",
      "\u0000",
      "\ud800",
    ),
  );
  const mutated = fc
    .tuple(
      fc.constantFrom(...examples),
      fc.array(fc.tuple(fc.nat(), fc.nat(8), piece), { minLength: 1, maxLength: 4 }),
    )
    .map(([text, edits]) =>
      edits.reduce((edited, [at, length, inserted]) => {
        const start = at % edited.length;
        return edited.slice(0, start) + inserted + edited.slice(start + length);
      }, text),
    );
  await fc.assert(fc.asyncProperty(mutated, loadsOrSaysWhy), { numRuns: 400 });
});
