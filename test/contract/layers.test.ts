import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { findViolations } from "../support/layers.ts";

const src = join(import.meta.dirname, "..", "..", "src");

function readSources(): Map<string, string> {
  const paths = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((path) =>
    /\.(?:ts|js|html)$/.test(path),
  );
  return new Map(paths.map((path) => [path, readFileSync(join(src, path), "utf8")]));
}

test("src keeps the layer contract", () => {
  const sources = readSources();
  assert.ok(sources.has("main.ts"), "the contract is looking at src");
  assert.ok(sources.has("ops/status/page/main.js"), "and at the page's script");
  assert.deepEqual(findViolations(sources), []);
});

/** A tree that keeps the contract; each planted fault replaces or adds files. */
const sound: Readonly<Record<string, string>> = {
  "main.ts": 'import { start } from "./app.ts";\nstart(process.argv);\n',
  "app.ts":
    'import { send } from "./upstream/pool.ts";\nexport const start = (_: unknown): void => send();\n',
  "upstream/pool.ts":
    'import { Client } from "ws";\nimport { one } from "../http/errors.ts";\nexport function send(): void {}\n',
  "server/server.ts":
    'import {\n  createServer,\n} from "node:http";\nimport type { Client } from "ws";\nimport { close } from "./linger.ts";\n',
  "server/linger.ts":
    'import type { Config } from "../config/schema/file.ts";\nexport const close = 1;\n',
  "http/errors.ts": "export const one = 1;\n",
  "http/forwarded.ts":
    'import { BlockList, isIP } from "node:net"; // pure\nimport { one } from "./errors.ts";\n',
  "config/schema/file.ts":
    'import { z } from "zod";\n// process.env is read in main.ts\nexport interface Config {}\n',
  "config/schema/units.ts": 'import { z } from "zod";\n',
};

const planted: readonly (readonly [string, Readonly<Record<string, string>>, RegExp])[] = [
  [
    "a layer above",
    { "http/a.ts": 'import { z } from "../config/schema/file.ts";\n' },
    /^http\/a\.ts may not import config\/schema\/file\.ts$/,
  ],
  [
    "a type of a layer above, from http",
    { "http/a.ts": 'import type { Config } from "../config/schema/file.ts";\n' },
    /^http\/a\.ts may not import config\/schema\/file\.ts$/,
  ],
  [
    "the clients' side, from the upstream's",
    { "upstream/a.ts": 'import { close } from "../server/linger.ts";\n' },
    /^upstream\/a\.ts may not import server\/linger\.ts$/,
  ],
  [
    "the composition root, from a leaf",
    { "ops/a.ts": 'import { start } from "../app.ts";\n' },
    /^ops\/a\.ts may not import app\.ts$/,
  ],
  [
    "a value among types",
    { "config/a.ts": 'import {\n  type T,\n  send,\n} from "../upstream/pool.ts";\n' },
    /^config\/a\.ts may not/,
  ],
  [
    "a layer above, late",
    { "http/a.ts": 'const a = () => import("../upstream/pool.ts");\n' },
    /^http\/a\.ts may not import upstream/,
  ],
  [
    "a layer above, from the page's script",
    { "ops/status/page/a.js": 'import { send } from "../../../upstream/pool.ts";\n' },
    /^ops\/status\/page\/a\.js may not import upstream\/pool\.ts$/,
  ],
  [
    "something from a folder without a rule",
    { "misc/a.ts": 'import { one } from "../http/errors.ts";\n' },
    /^misc\/a\.ts may not/,
  ],
  [
    "a missing file",
    { "http/a.ts": 'import { b } from "./b.ts";\n' },
    /^http\/a\.ts imports \.\/b\.ts, which is no file/,
  ],
  [
    "a file outside src",
    { "app.ts": 'import a from "../package.json" with { type: "json" };\n' },
    /^app\.ts imports \.\.\/package\.json/,
  ],
  [
    "a package through a second door",
    { "server/a.ts": 'import { Agent } from "ws";\n' },
    /^ws has more than one door: server\/a\.ts, upstream\/pool\.ts$/,
  ],
  [
    "a package's inside through a second door",
    { "server/a.ts": 'import Client from "ws/lib/a.js";\n' },
    /^ws has more/,
  ],
  [
    "a package of a folder's, outside that folder",
    { "config/a.ts": 'import { z } from "zod";\n' },
    /^zod has more than one door: config\/a\.ts, config\/schema\/$/,
  ],
  [
    "a builtin through a second door",
    { "ops/a.ts": 'import http from "node:http";\n' },
    /^node:http has more than one door/,
  ],
  [
    "a builtin's promises through a second door",
    {
      "config/a.ts": 'import fs from "node:fs";\n',
      "ops/a.ts": 'import { open } from "node:fs/promises";\n',
    },
    /^node:fs has/,
  ],
  [
    "more than the pure names",
    {
      "http/a.ts": 'import { isIP, connect } from "node:net";\n',
      "ops/a.ts": 'import "node:net";\n',
    },
    /^node:net has/,
  ],
  [
    "itself in a circle",
    { "http/a.ts": 'import { b } from "./b.ts";\n', "http/b.ts": 'import { a } from "./a.ts";\n' },
    /^cycle: http\/a\.ts → http\/b\.ts → http\/a\.ts$/,
  ],
  [
    "a type that imports it back",
    {
      "http/a.ts": 'import type { B } from "./b.ts";\n',
      "http/b.ts": 'import { a } from "./a.ts";\n',
    },
    /^cycle: http\/a\.ts → http\/b\.ts → http\/a\.ts$/,
  ],
];

for (const [what, files, expected] of planted) {
  test(`the contract catches a file that imports ${what}`, () => {
    const violations = findViolations(new Map(Object.entries({ ...sound, ...files })));
    assert.equal(violations.length, 1, violations.join("\n"));
    assert.match(violations[0] ?? "", expected);
  });
}

const written: readonly (readonly [string, string, RegExp])[] = [
  ["a default export", "export default function a(): void {}\n", /has a default export$/],
  ["a renamed default export", "const a = 1;\nexport { a as default };\n", /has a default export$/],
  ["a barrel", 'export * from "./errors.ts";\n', /re-exports another file$/],
  ["a named re-export", 'export {\n  one,\n} from "./errors.ts";\n', /re-exports another file$/],
  ["a re-exported type", 'export type { one } from "./errors.ts";\n', /re-exports another file$/],
  ["a module-level let", "let count = 0;\n", /has a module-level let$/],
  ["an exported let", "export let count = 0;\n", /has a module-level let$/],
  [
    "a module-level cache",
    "const seen = new Map<string, number>();\n",
    /has a mutable module-level value$/,
  ],
  ["a module-level list", "const seen: string[] = [];\n", /has a mutable module-level value$/],
  ["an await at module level", "const a = await b();\n", /awaits at module level$/],
  ["process", 'const a = (): boolean => process.env["A"] === "b";\n', /touches process$/],
  ["an imported process", 'import { env } from "node:process";\n', /touches process$/],
];

for (const [what, text, expected] of written) {
  test(`the contract catches ${what}`, () => {
    const violations = findViolations(new Map(Object.entries({ ...sound, "http/a.ts": text })));
    assert.equal(violations.length, 1, violations.join("\n"));
    assert.match(violations[0] ?? "", expected);
  });
}

test("the contract lets a sound tree pass", () => {
  assert.deepEqual(findViolations(new Map(Object.entries(sound))), []);
});
