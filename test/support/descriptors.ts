/** A process at its limit of file descriptors. */

import { readdirSync, readlinkSync } from "node:fs";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import type { Running } from "./process.ts";
import { type Wire, openWire } from "./wire.ts";

const DESCRIPTORS = 64;
/** A process that is full in so many looks in a row stays full. */
const FULL_LOOKS = 50;

/** The command that runs what follows it with few file descriptors. */
export const FEW: readonly string[] = [
  "/bin/sh",
  "-c",
  `ulimit -n ${DESCRIPTORS} && exec "$0" "$@"`,
];

/** Takes all descriptors of a headgate that was started through `FEW`, by connections that say nothing. Returns those that were opened. */
export async function exhaust(
  t: TestContext,
  { port, pid }: Pick<Running, "port" | "pid">,
): Promise<readonly Wire[]> {
  const crowd: Wire[] = [];
  // A descriptor that headgate uses for a moment, such as for a look at its route file, is free again after it. libuv has then closed
  // all connections that waited, so others have to come.
  for (let full = 0; full < FULL_LOOKS; full += 1) {
    if (countHeld(pid) < DESCRIPTORS) {
      full = 0;
      const more = Array.from({ length: 20 }, () => openWire(t, port).catch(() => undefined));
      crowd.push(...(await Promise.all(more)).filter((wire) => wire !== undefined));
    }
    await sleep(10);
  }
  return crowd;
}

/** The descriptors that the process keeps. A file is open for a moment only, which is long in a process that does not run. */
function countHeld(pid: number): number {
  const folder = `/proc/${pid}/fd`;
  const isHeld = (descriptor: string): boolean => {
    try {
      return /^(?:\/dev\/|[^/])/.test(readlinkSync(`${folder}/${descriptor}`));
    } catch {
      return false; // closed meanwhile
    }
  };
  return readdirSync(folder).filter(isHeld).length;
}
