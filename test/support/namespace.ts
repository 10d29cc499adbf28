/** Linux namespaces: one process sees other files or another network than the machine has. */

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

export type NamespaceKind = "mount" | "net";

/** The command that runs what follows it in a namespace of its own, in which the shell has run `setUp` before. */
export function inNamespace(kind: NamespaceKind, setUp = "true"): readonly string[] {
  // Without being root, the kernel may let a user be root of a namespace.
  const asRoot = process.getuid?.() === 0 ? [] : ["--map-root-user"];
  return ["unshare", ...asRoot, `--${kind}`, "/bin/sh", "-c", `${setUp} && exec "$0" "$@"`];
}

/**
 * Why that command cannot be run on this machine; false where it can. For `skip` of node:test. In CI what needs a namespace is not left
 * out: it fails.
 */
export function namespaceMissing(
  command: readonly string[] = inNamespace("mount"),
): string | false {
  if (process.env["CI"] === "true") return false;
  const [unshare = "", ...args] = command;
  const { status, stderr, error } = spawnSync(unshare, [...args, "true"], { encoding: "utf8" });
  return status === 0 ? false : `no such namespace here: ${error?.message ?? stderr.trim()}`;
}

/** Where `folder` keeps the contents of the file that is at `path` in the namespace. */
export function toMounted(folder: string, path: string): string {
  return join(folder, path.replaceAll("/", "-"));
}

/** The command of a mount namespace with those files, whose contents are kept in `folder`. */
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
