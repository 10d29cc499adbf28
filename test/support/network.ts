/** A network for one process alone, in a namespace of its own. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import type { TestContext } from "node:test";

/**
 * The command that runs what follows it in a network of its own, which has loopback and these settings (path below /proc/sys →
 * value). Undefined where this
 * machine allows no namespaces; the test is then marked as skipped, with the reason, but fails in CI.
 */
export function inNetwork(
  t: TestContext,
  settings: Readonly<Record<string, string>>,
): readonly string[] | undefined {
  const begin = `ip link set lo up${Object.entries(settings)
    .map(([path, value]) => ` && echo '${value}' > '/proc/sys/${path}'`)
    .join("")}`;
  if (!isAllowed(t, ["--net", "/bin/sh", "-c", begin])) return undefined;
  return ["unshare", "--net", "/bin/sh", "-c", `${begin} && exec "$0" "$@"`];
}

function isAllowed(t: TestContext, args: readonly string[]): boolean {
  const tried = spawnSync("unshare", args, { encoding: "utf8" });
  if (tried.status === 0) return true;
  const reason = `no such namespaces here: ${tried.error?.message ?? tried.stderr}`;
  assert.equal(process.env["CI"], undefined, reason);
  t.skip(reason);
  return false;
}
