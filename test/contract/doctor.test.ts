// docs/doctor.md and --help describe what doctor does.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { DOCUMENT_PATHS } from "../../src/cli/doctor/openapi-document.ts";
import { DOCTOR_FLAGS } from "../../src/cli/doctor/options.ts";
import { COMMAND_HELP } from "../../src/cli/help.ts";

const DOCS = readFileSync(new URL("../../docs/doctor.md", import.meta.url), "utf8");

test("docs/doctor.md names where doctor looks for a document, in that order", () => {
  const [, list = ""] = /^(`\/openapi\.json`,.*?)\.$/ms.exec(DOCS) ?? [];
  assert.deepEqual(
    [...list.matchAll(/`([^`]+)`/g)].map(([, path]) => path),
    DOCUMENT_PATHS,
  );
});

test("--help of doctor and init, and docs/doctor.md, name every flag", () => {
  const { values, switches, lists } = DOCTOR_FLAGS;
  const shared = [...values, ...switches, ...lists.map(([name]) => name)].map(
    (name) => `--${name}`,
  );
  const texts = {
    doctor: [...shared, "--through", "--json", "--dry-run"],
    init: [...shared, "--output", "--force"],
  };
  for (const [command, flags] of Object.entries(texts)) {
    const help = COMMAND_HELP.get(command) ?? "";
    assert.deepEqual(
      flags.filter((flag) => !help.includes(flag) || !DOCS.includes(`\`${flag}`)),
      [],
      command,
    );
  }
});
