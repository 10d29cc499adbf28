/** Files of the machine, replaced for one process: in a mount namespace of its own. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

/**
 * The command that runs what follows it with other contents of these files (path → text).
 *
 * Undefined where this machine allows no namespaces; the test is then marked as skipped, with the reason, but fails in CI.
 */
export function inNamespace(
  t: TestContext,
  files: Readonly<Record<string, string>>,
): readonly string[] | undefined {
  const reason = whyNoNamespace();
  if (reason !== undefined) {
    assert.equal(process.env["CI"], undefined, reason);
    t.skip(reason);
    return undefined;
  }
  const folder = mkdtempSync(join(tmpdir(), "headgate-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return withFiles(folder, files);
}

/** Why this machine allows no namespaces; undefined where it does. */
export function whyNoNamespace(): string | undefined {
  const tried = spawnSync("unshare", ["--mount", "true"], { encoding: "utf8" });
  if (tried.status === 0) return undefined;
  return `no mount namespaces here: ${tried.error?.message ?? tried.stderr}`;
}

/** The command of a namespace with those files, whose contents are kept in `folder`. */
export function withFiles(
  folder: string,
  files: Readonly<Record<string, string>>,
): readonly string[] {
  const mounts = Object.entries(files).map(([path, text], index) => {
    const file = join(folder, `mounted-${index}`);
    writeFileSync(file, text);
    return `mount --bind '${file}' '${path}' && `;
  });
  return ["unshare", "--mount", "/bin/sh", "-c", `${mounts.join("")}exec "$0" "$@"`];
}
