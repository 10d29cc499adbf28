// If a route file has one character more or less, `check` reports where it is wrong; an unclosed quote, bracket or brace is reported where
// it opens.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";
import { type CST, Parser, stringify } from "yaml";
import { parseDocument } from "../../src/config/yaml/document.ts";
import { createSource } from "../../src/config/diagnostic.ts";
import { findCause } from "../../src/config/syntax/block.ts";
import { fc } from "../support/property.ts";

const examples = await Promise.all(
  ["minimal", "fastapi", "several-upstreams", "unix-socket", "strict"].map((name) =>
    readFile(new URL(`../../config/${name}.yaml`, import.meta.url), "utf8"),
  ),
);

const ENVIRONMENT = { UPSTREAM: "http://a" };

const text = fc.constantFrom(
  "/a",
  "/users/{id}",
  "a b",
  "10.0.0.0/8",
  "http://127.0.0.1:8000",
  "it's",
  "*.example.com",
  "x: y",
  "[::]:80",
  "a # b",
  "",
  "5s",
  "off",
);
const key = fc.constantFrom("path", "host", "head", "url", "name", "trust", "mode", "drain", "ca");
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    text,
    fc.integer(),
    fc.boolean(),
    fc.dictionary(key, tie("value"), { minKeys: 1, maxKeys: 4 }),
    fc.array(tie("value"), { minLength: 1, maxLength: 4 }),
  ),
}));
const style = fc.record({
  indent: fc.constantFrom(2, 4),
  indentSeq: fc.boolean(),
  collectionStyle: fc.constantFrom("any", "block", "flow"),
  defaultStringType: fc.constantFrom("PLAIN", "QUOTE_SINGLE", "QUOTE_DOUBLE"),
  lineWidth: fc.constantFrom(0, 40, 80),
} as const);
const written = fc
  .tuple(fc.dictionary(key, value, { minKeys: 1, maxKeys: 6 }), style)
  .map(([tree, options]) => stringify(tree, options));
const json = fc
  .dictionary(key, value, { minKeys: 1, maxKeys: 6 })
  .map((tree) => `${JSON.stringify(tree, undefined, 2)}\n`);
const sound = fc.oneof(fc.constantFrom(...examples), written, json);

test("a sound text has no mistake", async () => {
  await fc.assert(
    fc.asyncProperty(sound, async (file) => {
      assert.deepEqual((await parseDocument(file, ENVIRONMENT)).diagnostics, []);
      assert.equal(await findCause(file), undefined);
    }),
    { numRuns: 1_000 },
  );
});

test("a file with one character more or less is read, or reported wrong at a place of its own", async () => {
  const damaged = fc
    .tuple(sound, fc.nat(), fc.constantFrom("", ..."\"'[]{}:,-#&*!|>%@` \t\n\r\0x0"))
    .map(([file, seed, inserted]) => {
      const at = seed % (file.length + 1);
      return file.slice(0, at) + inserted + file.slice(inserted === "" ? at + 1 : at);
    });
  await fc.assert(
    fc.asyncProperty(damaged, async (file) => {
      const source = createSource("f.yaml", file);
      for (const mistake of (await parseDocument(file, ENVIRONMENT)).diagnostics) {
        const { line, col, excerpt, related } = source.toDiagnostic(mistake);
        for (const place of [{ line, col }, ...(related === undefined ? [] : [related])]) {
          const content = file.split("\n")[(place.line ?? 0) - 1];
          assert.ok(content !== undefined, "the line is one of the file's");
          assert.ok((place.col ?? 0) >= 1 && (place.col ?? 0) <= content.length + 1);
        }
        assert.match(excerpt ?? "", /\^/);
      }
    }),
    { numRuns: 1_000 },
  );
});

/** A quote, bracket or brace and the one that closes it. */
interface Pair {
  readonly opening: number;
  readonly closing: number;
}

/** The pairs of a sound text. */
function findPairs(file: string): readonly Pair[] {
  const pairs: Pair[] = [];
  const visit = (token: unknown): void => {
    if (typeof token !== "object" || token === null) return;
    if (isFlow(token)) {
      const closing = token.end.find(({ source }) => source === "]" || source === "}");
      pairs.push({ opening: token.start.offset, closing: closing?.offset ?? assert.fail() });
    } else if (isQuoted(token))
      pairs.push({ opening: token.offset, closing: token.offset + token.source.length - 1 });
    for (const part of Object.values(token)) visit(part);
  };
  for (const token of new Parser().parse(file)) visit(token);
  return pairs;
}

function isFlow(token: object): token is CST.FlowCollection {
  return "type" in token && token.type === "flow-collection";
}

function isQuoted(token: object): token is CST.FlowScalar {
  return (
    "type" in token &&
    (token.type === "double-quoted-scalar" || token.type === "single-quoted-scalar")
  );
}

/** `{ a: { b: 1  }` lacks one of two braces: the outer one is as good a place if the same kind closes it. */
function isNamed(
  told: number | undefined,
  { file, pair, pairs }: { file: string; pair: Pair; pairs: readonly Pair[] },
): boolean {
  const kind = file.charAt(pair.opening);
  const outer = pairs.filter(
    ({ opening, closing }) =>
      "[{".includes(kind) &&
      file.charAt(opening) === kind &&
      opening <= pair.opening &&
      closing >= pair.closing,
  );
  return told === pair.opening || outer.some(({ opening }) => opening === told);
}

test("a quote, bracket or brace without its closing one is reported where it opens", async () => {
  const cases = fc
    .tuple(sound, fc.nat())
    .map(([file, seed]) => {
      const pairs = findPairs(file);
      return { file, pair: pairs[seed % Math.max(pairs.length, 1)], pairs };
    })
    .filter(({ pair }) => pair !== undefined);
  await fc.assert(
    fc.asyncProperty(cases, async ({ file, pair = assert.fail(), pairs }) => {
      const damaged = file.slice(0, pair.closing) + file.slice(pair.closing + 1);
      const { diagnostics } = await parseDocument(damaged, ENVIRONMENT);
      if (diagnostics.length === 0) return; // the text has another meaning then
      const told = diagnostics.map(({ span }) => span.start);
      assert.ok(
        told.length === 1 && isNamed(told[0], { file, pair, pairs }),
        `${damaged}\n${told}`,
      );
    }),
    { numRuns: 1_000 },
  );
});
