/** The kernel's connection table of a firewall: closed connections stay in it for two minutes, and packets are dropped when it is full. */

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const FOLDER = "/proc/sys/net/netfilter";

/** Waits until `connections` more fit, and prints that it waits. If the table is too small for them, it prints that and returns. */
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
