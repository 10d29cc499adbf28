/** The hosts file (hosts(5)), as pure text. */

import { isIP } from "node:net";

/** All addresses that a hosts file gives to a name, in the file's order. Names are compared without case. */
export function findInHosts(text: string, name: string): readonly string[] {
  const wanted = name.toLowerCase();
  const lowerCased = text.toLowerCase();
  // Most lookups end here: a name of the cluster is in no hosts file.
  if (!lowerCased.includes(wanted)) return [];
  const found = new Set<string>();
  for (const line of lowerCased.split("\n")) {
    const [address = "", ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    if (isIP(address) !== 0 && names.includes(wanted)) found.add(address);
  }
  return [...found];
}
