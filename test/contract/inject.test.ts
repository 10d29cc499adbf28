// What docs/inject.md and --help say of inject is what it takes.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { COMMAND_HELP } from "../../src/cli/help.ts";
import { INJECT_FLAGS } from "../../src/cli/inject/command.ts";
import { DEFAULTS } from "../../src/cli/inject/settings.ts";

const DOCS = readFileSync(new URL("../../docs/inject.md", import.meta.url), "utf8");

test("--help of inject and docs/inject.md name every flag, and --help no other", () => {
  const { values, switches, lists } = INJECT_FLAGS;
  const flags = [...values, ...switches, ...lists.map(([name]) => name)].map((name) => `--${name}`);
  const help = COMMAND_HELP.get("inject") ?? "";
  const listed = [...help.matchAll(/^ {2}(--[\w-]+)/gm)].map(([, name]) => name);
  assert.deepEqual(new Set(listed), new Set(flags));
  assert.deepEqual(
    flags.filter((flag) => !DOCS.includes(`\`${flag}`)),
    [],
  );
});

test("docs/inject.md names every setting", () => {
  assert.deepEqual(
    [...DEFAULTS.keys()].filter((key) => !DOCS.includes(`\`${key}\``)),
    [],
  );
});
