/** Brings a process to its limit of file descriptors. */

import { readdirSync, readlinkSync } from "node:fs";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import type { Running } from "./process.ts";
import { type Wire, openWire } from "./wire.ts";

const DESCRIPTORS = 64;
/** The number of successive checks without a free descriptor after which the process counts as full. */
const FULL_LOOKS = 50;

/** A command prefix that limits the number of file descriptors. */
export const FEW: readonly string[] = [
  "/bin/sh",
  "-c",
  `ulimit -n ${DESCRIPTORS} && exec "$0" "$@"`,
];

/** Uses all descriptors of a headgate that was started with `FEW`, by idle connections. Returns the connections that were opened. */
export async function exhaust(
  t: TestContext,
  { port, pid }: Pick<Running, "port" | "pid">,
): Promise<readonly Wire[]> {
  const crowd: Wire[] = [];
  // A descriptor that headgate uses for a moment, such as for a check of its route file, becomes free again. libuv has then closed all
  // waiting connections, so new ones are needed.
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

/**
 * Counts the descriptors below the limit that stay open. A file is open only for a moment, which lasts if the process does not run; `/` is
 * what libuv reserves to reject a connection. A descriptor that was inherited may have a number above the limit, which leaves all others free.
 */
function countHeld(pid: number): number {
  const folder = `/proc/${pid}/fd`;
  const isHeld = (descriptor: string): boolean => {
    try {
      return /^(?:\/dev\/|\/$|[^/])/.test(readlinkSync(`${folder}/${descriptor}`));
    } catch {
      return false; // closed meanwhile
    }
  };
  return readdirSync(folder).filter(
    (descriptor) => Number(descriptor) < DESCRIPTORS && isHeld(descriptor),
  ).length;
}
