/** Route files for tests: written to their own directory, and loaded as headgate loads them. */

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { loadConfig } from "../../src/config/load.ts";
import type { Loaded, Sources } from "../../src/config/load.ts";
import { ConfigError } from "../../src/config/diagnostic.ts";
import type { Diagnostic } from "../../src/config/diagnostic.ts";

/** Creates a directory with these files; the end of the test removes it. */
export async function makeDirectory(
  t: TestContext,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "headgate-"));
  t.after(() => rm(directory, { recursive: true }));
  for (const [name, content] of Object.entries(files))
    await writeFile(join(directory, name), content);
  return directory;
}

/** Loads a text as the file `f.yaml`. */
export async function loadText(
  t: TestContext,
  text: string | Uint8Array,
  sources: Partial<Sources> = {},
): Promise<Loaded> {
  const cwd = await makeDirectory(t, { "f.yaml": text });
  return loadConfig({ env: {}, cwd, ...sources, flags: { config: "f.yaml", ...sources.flags } });
}

/** The problems of a configuration that must not load. */
export async function problemsOf(loading: Promise<unknown>): Promise<readonly Diagnostic[]> {
  return (await errorOf(loading)).diagnostics;
}

/** The error message of a configuration that must not load. */
export async function messageOf(loading: Promise<unknown>): Promise<string> {
  return (await errorOf(loading)).message;
}

async function errorOf(loading: Promise<unknown>): Promise<ConfigError> {
  const error: unknown = await loading.then(
    () => assert.fail("it loads"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ConfigError, String(error));
  assert.ok(error.diagnostics.length > 0);
  return error;
}
