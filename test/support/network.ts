/** A network for a single process, in its own namespace. */

import type { TestContext } from "node:test";
import { inNamespace, namespaceMissing } from "./namespace.ts";

/**
 * A command prefix that runs a program in its own network, which has loopback and these settings (path below /proc/sys → value).
 * Undefined if this machine allows no namespaces; the test is then marked as skipped, with the reason.
 */
export function inNetwork(
  t: TestContext,
  settings: Readonly<Record<string, string>>,
): readonly string[] | undefined {
  const lines = Object.entries(settings).map(
    ([path, value]) => `echo '${value}' > '/proc/sys/${path}'`,
  );
  const command = inNamespace("net", ["ip link set lo up", ...lines].join(" && "));
  const missing = namespaceMissing(command);
  if (missing === false) return command;
  t.skip(missing);
  return undefined;
}
