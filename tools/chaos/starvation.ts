/** Detects that processes got no processor time for so long that time limits fired unintentionally. */

import { readFileSync } from "node:fs";

/** A check for starvation. */
export interface Starvation {
  watch(pid: number): void;
  /** Whether a process was starved since the last call, or in the second before it. */
  wasFelt(): boolean;
}

// Half of this time is far too long.
const WINDOW_MS = 1_000;
const MAX_WAITING_MS = 500;
const MAX_LATE_MS = 500;

/** Watches this process, and the processes that the caller adds. */
export function createStarvation(): Starvation {
  const pids = [process.pid];
  let askedMs = performance.now();
  let windowMs = askedMs;
  let waited = pids.map(waitedMs);
  return {
    watch(pid) {
      pids.push(pid);
      waited = pids.map(waitedMs);
    },
    wasFelt() {
      const nowMs = performance.now();
      // A virtual machine may stop completely, and its kernel does not know about it.
      const isLate = nowMs - askedMs > MAX_LATE_MS;
      askedMs = nowMs;
      const sofar = pids.map(waitedMs);
      const isStarved = sofar.some((ms, index) => ms - (waited[index] ?? ms) > MAX_WAITING_MS);
      if (isStarved || nowMs - windowMs > WINDOW_MS) {
        waited = sofar;
        windowMs = nowMs;
      }
      return isLate || isStarved;
    },
  };
}

// The time that a thread was ready but did not run, as the kernel counts it (proc_pid_schedstat, second number, nanoseconds).
function waitedMs(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[1]) / 1e6;
  } catch {
    return 0;
  }
}
