// `npm test`: makes the checkout ready, then runs node's own runner over test/**/*.test.ts.
//
//   npm test -- test/http/target.test.ts      only this file (or folder)
//   npm test -- --except=test/deploy          all but this file (or folder); it may be given several times
//   npm test -- --test-name-pattern=HEAD      any option of node

import { spawn } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { compileTests } from "./compile.mjs";
import { toProcesses } from "./processes.mjs";
import { fail, readyToTest } from "./ready.mjs";

const EXCEPT = "--except=";
const root = fileURLToPath(new URL("..", import.meta.url));

await readyToTest();
const args = process.argv.slice(2);
const options = args.filter((arg) => arg.startsWith("-") && !arg.startsWith(EXCEPT));
const left = args.filter((arg) => arg.startsWith(EXCEPT)).map((arg) => arg.slice(EXCEPT.length));
const named = args.filter((arg) => !arg.startsWith("-"));
// What runs is compiled before: a watcher would see no change of the sources.
if (options.some((option) => option.startsWith("--watch"))) fail("npm test cannot watch");
const leftFiles = new Set(left.flatMap(testFiles));
const files = (named.length > 0 ? named : ["test"])
  .flatMap(testFiles)
  .filter((file) => !leftFiles.has(file));
if (left.length > 0) console.log(`left out: ${left.join(", ")} (${leftFiles.size} files)`);
if (files.length === 0) fail(`no *.test.ts in ${named.join(" ")}`);
const entries = await compileTests(toProcesses(files)).catch(() => process.exit(1));

// The same reporter everywhere: Node 20 prints TAP where there is no terminal. The limit is for what hangs, and counts for a whole process.
const runner = ["--enable-source-maps", "--test", "--test-reporter=spec"];
runner.push("--test-timeout=900000");
// Node 20 optimises code so early that most of it never runs often enough to gain; later versions wait longer by themselves.
if (process.versions.node.startsWith("20.")) runner.push("--interrupt-budget=300000");
// Most tests wait for something most of the time. Node itself leaves a core free: with two, one process would run after the other.
runner.push(`--test-concurrency=${availableParallelism() * 3}`);
// From Node 22 on, what V8 has compiled serves all processes of the run. It is beside what was compiled from TypeScript, and goes with it.
const cache = join(dirname(entries[0]), "compile-cache");
const child = spawn(process.execPath, [...runner, ...options, ...entries], {
  cwd: root,
  env: { ...process.env, NODE_COMPILE_CACHE: cache },
  stdio: "inherit",
});
// Ctrl-C reaches the whole group by itself; a signal that reached only us must not leave the runner behind.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code) => process.exit(code ?? 1));

// Node 20 does not expand patterns itself, and a shell's ** differs from machine to machine.
function testFiles(path) {
  const entry = statSync(join(root, path), { throwIfNoEntry: false });
  if (entry === undefined) fail(`no such test file or folder: ${path}`);
  if (entry.isFile()) return [normalize(path)];
  return readdirSync(join(root, path), { recursive: true })
    .filter((name) => name.endsWith(".test.ts"))
    .toSorted()
    .map((name) => join(path, name));
}
