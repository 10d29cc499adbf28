/** When what was going on around an exchange excuses it: an upstream that is dead, or limits that are drawn tight. */

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
  stop(): void;
}

interface Disturbance {
  readonly road: Road | "both";
  readonly allowed: readonly Allowed[];
  endedMs: number;
}

// A process that gets no processor for this long makes time limits fire that nobody meant.
const LAG_MS = 700;
const KEPT_MS = 60_000;
// A connection's end takes a moment to arrive, and a request that was written into it another to fail.
const ECHO_MS = 250;

export function createCalm(): Calm {
  let disturbances: Disturbance[] = [];
  const idleClosedMs: Record<Road, number> = { tcp: 0, unix: 0 };
  let tickedMs = performance.now();
  const ticking = setInterval(() => {
    const nowMs = performance.now();
    disturbances = disturbances.filter(({ endedMs }) => endedMs > nowMs - KEPT_MS);
    if (nowMs - tickedMs > LAG_MS)
      disturbances.push({ road: "both", allowed: ["broken", 502, 504], endedMs: nowMs });
    tickedMs = nowMs;
  }, 100);
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
    stop: () => clearInterval(ticking),
  };
}
