/** Files of the machine, replaced for one process: in a mount namespace of its own. */

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

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
