/** The kernel's table of connections, where there is a firewall: ended ones stay in it for two minutes, and a full one drops packets. */

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const FOLDER = "/proc/sys/net/netfilter";

/** Waits until `connections` more fit, and says so. A table too small for them is said, and not waited for. */
export async function waitForConnectionTable(connections: number): Promise<void> {
  const max = read("nf_conntrack_max");
  if (max === undefined) return;
  if (max < connections)
    console.log(`the kernel's connection table holds ${max}: packets may be lost`);
  for (let isTold = false; max >= connections; isTold = true) {
    const count = read("nf_conntrack_count") ?? 0;
    if (count + connections <= max) return;
    if (!isTold)
      console.log(`waiting: the kernel's connection table has ${count} of ${max} entries`);
    await sleep(1_000);
  }
}

function read(name: string): number | undefined {
  try {
    return Number(readFileSync(`${FOLDER}/${name}`, "utf8"));
  } catch {
    return undefined; // no such table
  }
}
