/** The hosts file (hosts(5)), as pure text. */

import { ipVersion } from "../http/ip-version.ts";

/** Returns all addresses of a name in the text of a hosts file, in the file's order. The case of names does not matter. */
export function findInHosts(text: string, name: string): readonly string[] {
  const wanted = name.toLowerCase();
  const lowerCased = text.toLowerCase();
  // Most lookups end here: a name of the cluster is in no hosts file.
  if (!lowerCased.includes(wanted)) return [];
  const found = new Set<string>();
  for (const line of lowerCased.split("\n")) {
    const [address = "", ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    if (names.includes(wanted) && ipVersion(address) !== 0) found.add(address);
  }
  return [...found];
}
