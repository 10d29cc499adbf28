/** Unusual files, and the files that this process has open (proc(5)). */

import { execFileSync } from "node:child_process";
import { readdirSync, readlinkSync } from "node:fs";

/** Makes a pipe (mkfifo(1)). */
export function makePipe(path: string): void {
  execFileSync("sh", ["-c", 'mkfifo "$0"', path]);
}

/** A file that can be opened but not read, because address 0 is not mapped: EIO. */
export const UNREADABLE = "/proc/self/mem";

/** The number of open descriptors of a file. */
export function openCount(path: string): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false; // the listing's own descriptor, closed by now
    }
  }).length;
}
