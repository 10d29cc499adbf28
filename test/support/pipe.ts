/** Unusual files, and which files this process has open (proc(5)). */

import { execFileSync } from "node:child_process";
import { readdirSync, readlinkSync } from "node:fs";

/** Makes a pipe (mkfifo(1)). */
export function makePipe(path: string): void {
  execFileSync("sh", ["-c", 'mkfifo "$0"', path]);
}

/** A file that can be opened and, as address 0 is mapped to nothing, not read: EIO. */
export const UNREADABLE = "/proc/self/mem";

/** How often a file is open at the moment. */
export function openCount(path: string): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false; // the listing's own descriptor, closed by now
    }
  }).length;
}
