/** When what was going on around an exchange excuses it: an upstream that is dead, or limits that are drawn tight. */

import { readFileSync } from "node:fs";
import type { Allowed } from "./faults.ts";
import type { Road } from "./plan.ts";

export interface Calm {
  /** From now until the returned function is called, exchanges on that road may end in these ways too. */
  disturb(road: Road | "both", allowed: readonly Allowed[]): () => void;
  /** What the disturbances since that moment excuse. */
  excuses(road: Road, sinceMs: number): ReadonlySet<Allowed>;
  /** An upstream ends idle connections all the time; told of each, because a request may have been on its way. */
  idleClosed(road: Road): void;
  wasIdleClosedSince(road: Road, sinceMs: number): boolean;
  /** Whether that process got its time matters as well as whether this one did. */
  watch(pid: number): void;
  stop(): void;
}

interface Disturbance {
  readonly road: Road | "both";
  readonly allowed: readonly Allowed[];
  endedMs: number;
}

// A process that waits for a processor makes time limits fire that nobody meant: half of the time is far too long.
const WINDOW_MS = 1_000;
const MOST_WAITING_MS = 500;
const KEPT_MS = 60_000;
// A connection's end takes a moment to arrive, and a request that was written into it another to fail.
const ECHO_MS = 250;

const STARVED: readonly Allowed[] = ["broken", 408, 502, 504];

export function createCalm(): Calm {
  let disturbances: Disturbance[] = [];
  const idleClosedMs: Record<Road, number> = { tcp: 0, unix: 0 };
  const pids = [process.pid];
  let waited = waitedMs(pids);
  let tickedMs = performance.now();
  const ticking = setInterval(() => {
    const nowMs = performance.now();
    disturbances = disturbances.filter(({ endedMs }) => endedMs > nowMs - KEPT_MS);
    const sofar = waitedMs(pids);
    const isStarved = sofar.some((ms, index) => ms - (waited[index] ?? ms) > MOST_WAITING_MS);
    // A whole machine may stand still for a while, if it is a virtual one: the kernel knows nothing of that.
    const isLate = nowMs - tickedMs > WINDOW_MS + MOST_WAITING_MS;
    tickedMs = nowMs;
    if (isStarved || isLate) disturbances.push({ road: "both", allowed: STARVED, endedMs: nowMs });
    waited = sofar;
  }, WINDOW_MS);
  return {
    disturb(road, allowed) {
      const disturbance: Disturbance = { road, allowed, endedMs: Number.POSITIVE_INFINITY };
      disturbances.push(disturbance);
      return () => void (disturbance.endedMs = performance.now() + ECHO_MS);
    },
    excuses(road, sinceMs) {
      const excusing = disturbances.filter(
        (one) => (one.road === road || one.road === "both") && one.endedMs > sinceMs,
      );
      return new Set(excusing.flatMap(({ allowed }) => allowed));
    },
    idleClosed: (road) => void (idleClosedMs[road] = performance.now()),
    wasIdleClosedSince: (road, sinceMs) => idleClosedMs[road] + ECHO_MS > sinceMs,
    watch: (pid) => void pids.push(pid),
    stop: () => clearInterval(ticking),
  };
}

// The kernel's count of the time that a thread was ready to run and did not (proc_pid_schedstat, second number, nanoseconds).
function waitedMs(pids: readonly number[]): readonly number[] {
  return pids.map((pid) => {
    try {
      return Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[1]) / 1e6;
    } catch {
      return 0;
    }
  });
}
