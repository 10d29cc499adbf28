/** What a proxy keeps of connections whose clients have left, and the memory that it took. */

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { peakBytes } from "../../test/support/process.ts";

const LOOK_MS = 250;
const MEBIBYTE = 1024 * 1024;
/** Of one process; a connection of HTTP/2 may take 42 MB (docs/tls.md), and few of the cases at one time try to. */
const MAX_MEBIBYTES = 700;

/** States of proc(5), /proc/net/tcp, in which a socket has no owner or listens. */
const FREE_STATES: ReadonlySet<string> = new Set(["06", "0A"]);

/** The parts of a proxy that are looked at. */
interface Looked {
  readonly port: number;
  readonly pid?: number;
}

/** Waits until nothing is left over. Returns what is left over after all. `countExchanges`: the exchanges that the upstream has not ended. */
export async function findLeftovers(
  proxies: readonly Looked[],
  countExchanges: () => number,
  patienceMs: number,
): Promise<string | undefined> {
  for (let waitedMs = 0; ; waitedMs += LOOK_MS) {
    const connections = proxies.reduce((sum, { port }) => sum + countConnections(port), 0);
    const exchanges = countExchanges();
    if (connections === 0 && exchanges === 0) return findHeavy(proxies);
    if (waitedMs >= patienceMs)
      return `left over: ${connections} connections of clients, ${exchanges} exchanges at the upstream`;
    await sleep(LOOK_MS);
  }
}

function countConnections(port: number): number {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const lines = readFileSync("/proc/net/tcp", "utf8").split("\n");
  return lines.filter((line) => {
    const [, local = "", , state = ""] = line.trim().split(/\s+/);
    return local.endsWith(`:${hex}`) && !FREE_STATES.has(state);
  }).length;
}

function findHeavy(proxies: readonly Looked[]): string | undefined {
  const peaks = proxies.map(({ pid }) => (pid === undefined ? 0 : peakBytes(pid) / MEBIBYTE));
  const peak = Math.max(...peaks);
  return peak > MAX_MEBIBYTES ? `a proxy took ${peak.toFixed(0)} MB of memory` : undefined;
}
