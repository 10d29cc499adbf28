/** Linux namespaces: a process sees other files or another network than the rest of the machine. */

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** The kind of a namespace. */
export type NamespaceKind = "mount" | "net";

/** A command prefix that runs a program in its own namespace, after a shell has run `setUp` in it. */
export function inNamespace(kind: NamespaceKind, setUp = "true"): readonly string[] {
  // The kernel may allow a user who is not root to be root of a namespace.
  const asRoot = process.getuid?.() === 0 ? [] : ["--map-root-user"];
  return ["unshare", ...asRoot, `--${kind}`, "/bin/sh", "-c", `${setUp} && exec "$0" "$@"`];
}

/** A command prefix that runs a program in the network of a process that `inNamespace` has started. */
export function enterNetwork(pid: number): readonly string[] {
  const asRoot = process.getuid?.() === 0 ? [] : ["--user", "--preserve-credentials"];
  return ["nsenter", "--target", String(pid), ...asRoot, "--net"];
}

/**
 * Why that prefix does not work on this machine; false if it does. For `skip` of node:test. In CI, tests that need a namespace are not
 * skipped: they fail.
 */
export function namespaceMissing(
  command: readonly string[] = inNamespace("mount"),
): string | false {
  if (process.env["CI"] === "true") return false;
  const [unshare = "", ...args] = command;
  const { status, stderr, error } = spawnSync(unshare, [...args, "true"], { encoding: "utf8" });
  return status === 0 ? false : `no such namespace here: ${error?.message ?? stderr.trim()}`;
}

/** The path in `folder` of the file that is at `path` in the namespace. */
export function toMounted(folder: string, path: string): string {
  return join(folder, path.replaceAll("/", "-"));
}

/** A command prefix for a mount namespace with those files; `folder` holds their contents. */
export function withFiles(
  folder: string,
  files: Readonly<Record<string, string>>,
): readonly string[] {
  const mounts = Object.entries(files).map(([path, text]) => {
    const file = toMounted(folder, path);
    writeFileSync(file, text);
    return `mount --bind '${file}' '${path}'`;
  });
  return inNamespace("mount", mounts.join(" && "));
}
