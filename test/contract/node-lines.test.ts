// The supported lines of Node: each document names the same lines, and headgate uses nothing newer than the oldest.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";

import { root } from "../support/manifests.ts";
import { makeDirectory } from "../support/route-file.ts";

const read = (path: string): string => readFileSync(join(root, path), "utf8");
const LINES = "22, 24 and 26";

test("documents, the workflow and .ci/run name the same lines", () => {
  for (const path of ["README.md", "SECURITY.md", "CONTRIBUTING.md"]) {
    assert.ok(read(path).includes(`today ${LINES}`), path);
    assert.match(read(path), /20\.19/, path);
  }
  assert.match(read(".github/workflows/ci.yml"), /^ +node: \[20, 22, 24, 26\]$/m);
  assert.match(read(".ci/run"), /^for line in 22 26; do$/m);
  assert.match(read(".ci/run"), /node_of_line 24/);
});

test("what rests on Node's internals is tested on every line", () => {
  const [, table = ""] =
    /## What rests on how Node behaves inside\n(.*?)\n## /s.exec(read("CONTRIBUTING.md")) ?? [];
  const linked = [...table.matchAll(/\]\((test\/[^)]+)\)/g)].map(([, path = ""]) => path);
  assert.ok(linked.length > 8);
  const [, list = ""] = /^inside=\((.*?)^\)/ms.exec(read(".ci/run")) ?? [];
  const tested = list.trim().split(/\s+/);
  assert.deepEqual(
    linked.filter((path) => !tested.some((one) => path === one || path.startsWith(`${one}/`))),
    [],
  );
});

/**
 * Symptom: `.ci/run` ended with "no such test file or folder: test/net" on Node 22 and 26. Root cause: the folder's tests moved, and its
 * name stayed in the list; .ci/run's own test replaces npm. Fix: the list names test/server, and each path in it has to exist.
 */
test("every path that .ci/run gives to `npm test` exists", () => {
  const paths = [...read(".ci/run").matchAll(/(?:^ +|--except=)(test\/\S+)/gm)].map(
    ([, path = ""]) => path,
  );
  assert.ok(paths.length > 10);
  assert.deepEqual(
    paths.filter((path) => !existsSync(join(root, path))),
    [],
  );
});

test("tsc refuses what Node 20.19 does not have", async (t) => {
  const { packages } = JSON.parse(read("package-lock.json")) as {
    readonly packages: Readonly<
      Record<string, { readonly version?: string; readonly engines?: { readonly node?: string } }>
    >;
  };
  assert.equal(packages[""]?.engines?.node, ">=20.19");
  assert.match(packages["node_modules/@types/node"]?.version ?? "", /^20\.19\./);
  const uses: Readonly<Record<string, string>> = {
    "fs.mts": 'import { globSync } from "node:fs";\nexport const a = globSync("*");\n', // 22
    "net.mts":
      'import { createServer } from "node:net";\nexport const a = createServer().dropMaxConnection;\n', // 22
    "language.mts": "export const a = Promise.withResolvers();\n", // 22
    "sets.mts": "export const a = new Set([1]).union(new Set([2]));\n", // 22
    "fine.mts": 'import { styleText } from "node:util";\nexport const a = styleText("red", "a");\n', // 20.12
  };
  const directory = await makeDirectory(t, uses);
  const config = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: { typeRoots: [join(root, "node_modules", "@types")] },
    include: ["*.mts"],
  };
  writeFileSync(join(directory, "tsconfig.json"), JSON.stringify(config));
  const tsc = join(root, "node_modules", ".bin", "tsc");
  const { stdout } = spawnSync(tsc, ["-p", directory], { encoding: "utf8", cwd: directory });
  const refused = new Set([...stdout.matchAll(/^(\w+\.mts)\(/gm)].map(([, name]) => name));
  assert.deepEqual(refused, new Set(["fs.mts", "net.mts", "language.mts", "sets.mts"]), stdout);
});
