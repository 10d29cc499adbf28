/** A file system of a few MiB in a mount namespace of its own: what is started there fills it up, and harms nothing else. */

import { spawnSync } from "node:child_process";
import { appendFileSync, rmSync } from "node:fs";
import { join } from "node:path";

const COMMANDS = [
  ["unshare", "--mount"],
  ["unshare", "--map-root-user", "--mount"], // without being root, where the kernel lets users have namespaces
] as const;

/**
 * A command that runs what follows it in a mount namespace, or why there can be none. In CI there must be one: what needs it fails there
 * rather than being left out.
 */
export function findNamespace():
  | { readonly command: readonly string[] }
  | { readonly reason: string } {
  let reason = "";
  for (const command of COMMANDS) {
    const mount = ["sh", "-c", "mount -t tmpfs -o size=64k none /tmp"];
    const { status, stderr, error } = spawnSync(command[0], [...command.slice(1), ...mount], {
      encoding: "utf8",
    });
    if (status === 0 || process.env["CI"] === "true") return { command };
    reason = `no mount namespace with a tmpfs: ${error?.message ?? stderr.trim()}`;
  }
  return { reason };
}

/** `directory` as the process sees it (proc(5)). */
export function seenBy(pid: number, directory: string): string {
  return join(`/proc/${pid}/root`, directory);
}

/** Takes all room that is left; returns what gives it back. */
export function fillUp(directory: string): () => void {
  const filler = join(directory, "filler");
  const page = Buffer.alloc(4096);
  try {
    for (;;) appendFileSync(filler, page);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  }
  return () => rmSync(filler);
}
