import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import {
  findCommentViolations,
  findNameViolations,
  findTitleViolations,
} from "../support/words.ts";

const root = join(import.meta.dirname, "..", "..");

/** The folders whose names and comments hold the contract; `src` alone stands for the files at its top. */
const HELD_FOLDERS = [
  "src",
  "src/cli",
  "src/proxy",
  "src/head",
  "src/http",
  "src/server",
  "src/upstream",
  "src/ops",
  "src/runtime",
  "src/config",
  "tools",
  "test/support",
] as const;

function readFolder(folder: string): readonly (readonly [string, string])[] {
  const isTop = folder === "src";
  return readdirSync(join(root, folder), { recursive: !isTop, encoding: "utf8" })
    .filter((path) => /\.[jt]s$/.test(path))
    .map((path) => [`${folder}/${path}`, readFileSync(join(root, folder, path), "utf8")]);
}

const sources = new Map(HELD_FOLDERS.flatMap(readFolder));

/** All tests except this one, whose texts are violations. */
const tests = new Map(
  readFolder("test").filter(
    ([path]) => path.endsWith(".test.ts") && !path.endsWith("/words.test.ts"),
  ),
);

test("file names and exported names use the field's words", () => {
  assert.ok(sources.has("src/proxy/handler.ts"), "the contract reads src");
  assert.ok(sources.has("src/ops/status/page/main.js"), "and the status page's script");
  assert.deepEqual(findNameViolations(sources), []);
});

test("comments name the actor", () => {
  assert.deepEqual(findCommentViolations(sources), []);
});

test("file names, comments and titles of tests do, too", () => {
  assert.ok(tests.has("test/http/target.test.ts"), "the contract reads the tests");
  assert.deepEqual(findNameViolations(tests), []);
  assert.deepEqual(findCommentViolations(tests), []);
  assert.deepEqual(findTitleViolations(tests), []);
});

const sound =
  "/** Sends the response to the client. */\nexport interface InFlight {\n  onResponse(): void;\n  readonly maxBytes: number;\n}\n";

test("a sound file has no violation", () => {
  const files = new Map([["proxy/in-flight.ts", sound]]);
  assert.deepEqual([...findNameViolations(files), ...findCommentViolations(files)], []);
});

for (const [what, path, text, expected] of [
  ["a file name", "proxy/answers.ts", sound, /^proxy\/answers\.ts: answers has .*; use response$/],
  ["a folder name", "visitors/a.ts", sound, /^visitors\/a\.ts: visitors has/],
  [
    "a function",
    "a.ts",
    "export async function askUpstream(): void {}\n",
    /askUpstream .*use send/,
  ],
  ["a constant", "a.ts", "export const MOST_BYTES = 1;\n", /MOST_BYTES .*use max$/],
  ["a type", "a.ts", "export type AnswerHead = string;\n", /AnswerHead .*use response$/],
  ["a raw type", "a.ts", "export type WrittenRoute = string;\n", /WrittenRoute .*use raw/],
  ["an interface", "a.ts", "export interface Flight {\n  a: 1;\n}\n", /Flight .*use InFlight$/],
  ["a member", "a.ts", "export interface A {\n  readonly mostBytes: number;\n}\n", /mostBytes/],
  ["a method", "a.ts", "export class A<B> {\n  bark(): void {}\n}\n", /bark has/],
  ["an optional member", "a.ts", "export interface A {\n  told?: string;\n}\n", /told has/],
] as const) {
  test(`the contract finds a replaced word in ${what}`, () => {
    const found = findNameViolations(new Map([[path, text]]));
    assert.equal(found.length, 1);
    assert.match(found[0] ?? "", expected);
  });
}

for (const [what, text, expected] of [
  ["a line", "// Nobody reads this.\n", /a comment has 'Nobody'/],
  ["a doc comment", "/** Told to whoever asks. */\n", /whoever/],
  ["a comment behind code", "const a = 1; // somebody waits\n", /somebody/],
  ["a sentence over two lines", "/**\n * What is\n * said of it.\n */\n", /What is said/],
  ["two lines", "  // It depends on what is\n  // said there.\n", /what is said/],
] as const) {
  test(`the contract finds a word that hides the actor in ${what}`, () => {
    const found = findCommentViolations(new Map([["src/a.ts", text]]));
    assert.equal(found.length, 1);
    assert.match(found[0] ?? "", expected);
  });
}

for (const [what, text, expected] of [
  ["a title", 'test("an upload nobody reads is dropped", () => {});\n', /'nobody'; name the actor/],
  ["a title of a subtest", 'await t.test("a HEAD is answered", () => {});\n', /'answered'; use/],
  ["a title in a line of its own", 'it(\n  "the client asks again",\n', /'asks'; use/],
  ["a title with a variable", "test(`an answer of ${status}`, () => {});\n", /'answer'; use/],
  ["a suite's title", 'void describe("whoever waits", () => {});\n', /'whoever'; name/],
] as const) {
  test(`the contract finds a replaced word in ${what}`, () => {
    const found = findTitleViolations(new Map([["test/a.test.ts", text]]));
    assert.equal(found.length, 1);
    assert.match(found[0] ?? "", expected);
  });
}

test("a title with the field's words has no violation", () => {
  const text = 'test("a client that sends HEAD gets the response", () => {});\nask("nobody");\n';
  assert.deepEqual(findTitleViolations(new Map([["test/a.test.ts", text]])), []);
});

test("a key of /status.json keeps its word, but only in its own file", () => {
  const text = "export interface A {\n  readonly answers: number;\n}\n";
  const files = ["src/ops/status/upstream-status.ts", "src/ops/a.ts"].map(
    (path) => [path, text] as const,
  );
  assert.deepEqual(findNameViolations(new Map(files)), [
    "src/ops/a.ts: answers has a replaced word; use response",
  ]);
});

test("code and texts are not comments", () => {
  const text =
    'export const text = "nobody";\nconst url = "http://whoever/"; // a URL\nconst b = "somebody";\n';
  assert.deepEqual(findCommentViolations(new Map([["src/a.ts", text]])), []);
});
