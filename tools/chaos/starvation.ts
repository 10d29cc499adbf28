/** Whether processes got no processor for so long that time limits fired which nobody meant. */

import { readFileSync } from "node:fs";

export interface Starvation {
  watch(pid: number): void;
  /** Whether that was so since it was asked last, or in the second before. */
  wasFelt(): boolean;
}

// Half of the time is far too long.
const WINDOW_MS = 1_000;
const MAX_WAITING_MS = 500;
const MAX_LATE_MS = 500;

/** Watches this process, and those it is told of. */
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
      // A whole machine may stand still, if it is a virtual one. Of that the kernel knows nothing.
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

// The kernel's count of the time that a thread was ready to run and did not (proc_pid_schedstat, second number, nanoseconds).
function waitedMs(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[1]) / 1e6;
  } catch {
    return 0;
  }
}
