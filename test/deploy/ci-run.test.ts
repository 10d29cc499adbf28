/** `.ci/run` itself, with every program that it calls replaced by a script that prints its arguments. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { root } from "../support/manifests.ts";

/** Shell scripts by the name of the program that they replace. */
type Programs = Readonly<Record<string, string>>;

const ALL_PASS: Programs = {
  npm: "",
  "dpkg-query": "printf installed",
  "apt-get": "exit 1",
};

/** `lines` are the lines of Node whose binaries are already installed. */
function run(
  t: TestContext,
  args: readonly string[],
  programs: Programs,
  lines: readonly number[] = [22, 24, 26],
) {
  const folder = mkdtempSync(join(tmpdir(), "headgate-ci-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const [bin, calls] = [join(folder, "bin"), join(folder, "calls")];
  const write = (directory: string, name: string, script: string): void => {
    mkdirSync(directory, { recursive: true });
    const text = ["#!/bin/sh", `echo "${name} $*" >> '${calls}'`, script, ""];
    writeFileSync(join(directory, name), text.join("\n"), { mode: 0o755 });
  };
  for (const [name, script] of Object.entries({ ...ALL_PASS, ...programs }))
    write(bin, name, script);
  for (const line of lines)
    for (const machine of ["x64", "arm64"])
      write(
        join(folder, `headgate/node-${line}/node_modules`, `node-linux-${machine}`, "bin"),
        "node",
        "",
      );
  const { status, stdout, stderr } = spawnSync(join(root, ".ci", "run"), args, {
    env: { PATH: `${bin}:${process.env["PATH"]}`, XDG_CACHE_HOME: folder },
    encoding: "utf8",
  });
  return { status, printed: stdout + stderr, calls: readFileSync(calls, "utf8") };
}

const SKIPS = 'case "$*" in "run check") echo "  ﹣ a test (1ms) # no browser";; esac';

test("a skipped test fails the run with --no-skips, and is named", (t) => {
  assert.equal(run(t, [], { npm: SKIPS }).status, 0);
  const { status, printed } = run(t, ["--no-skips"], { npm: SKIPS });
  assert.equal(status, 1);
  assert.match(printed, /^== left out, .*\n.* a test \(1ms\) # no browser$/m);
  assert.equal(run(t, ["--no-skips"], {}).status, 0);
});

test("the output of parallel steps is printed completely, one after the other, even if one fails", (t) => {
  const npm = 'case "$2" in fuzz) sleep 0.2; echo late; exit 3;; chaos) echo early;; esac';
  const { status, printed } = run(t, [], { npm });
  assert.equal(status, 3);
  assert.match(
    printed,
    /^== npm run fuzz [^]*^late$[^]*^== npm run chaos$[^]*^early$[^]*^== FAILED/m,
  );
});

test("a step that fails ends the run and its parallel steps", (t) => {
  // Only the run itself can end the parallel step: spawnSync waits for every process that holds the pipe.
  const npm = 'case "$2" in simulate) exec sleep 600 ;; check) exit 4;; esac';
  const { status, calls } = run(t, [], { npm });
  assert.equal(status, 4);
  assert.doesNotMatch(calls, /^npm (test|run chaos)/m);
});

// If one package was not available apt-get installed none of the others.
test("packages are installed at once, and one by one if that fails", (t) => {
  const missing = { "dpkg-query": "exit 1" };
  const once = run(t, [], { ...missing, "apt-get": "" }).calls;
  assert.equal(once.match(/^apt-get install/gm)?.length, 1);
  const refusing = 'case "$*" in *chromium*) exit 100;; esac';
  const { status, printed, calls } = run(t, [], { ...missing, "apt-get": refusing });
  assert.equal(status, 0);
  assert.match(printed, /going on without: chromium$/m);
  assert.match(calls, /^apt-get install .*recommends podman$/m);
});

test("a supported line of Node whose binary is not available is skipped and named", (t) => {
  const npm = 'case "$*" in *node-linux-*) exit 1;; esac';
  const { status, printed, calls } = run(t, [], { npm }, [22, 24]);
  assert.equal(status, 0);
  assert.match(printed, /^﹣ Node 26 # its binary is not to be had$/m);
  assert.match(calls, /^npm install .*node-linux-\w+@26$/m);
  assert.equal(calls.match(/^npm test -- .*test\/upstream$/gm)?.length, 1);
  assert.equal(run(t, ["--no-skips"], { npm }, [22, 24]).status, 1);
  assert.notEqual(run(t, [], { npm }, [22, 26]).status, 0, "all tests run on 24");
});

test("tests that fail on another supported line fail the run", (t) => {
  const npm = 'case "$*" in "test -- test/behaviour/"*) exit 5;; esac';
  assert.equal(run(t, [], { npm }).status, 5);
});
