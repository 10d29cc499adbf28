/** When what was going on around an exchange excuses it: an upstream that is dead, or limits that are drawn tight. */

import type { Allowed } from "./faults.ts";
import type { Road } from "./plan.ts";
import { createStarvation } from "./starvation.ts";

export interface Calm {
  /** From now until the returned function is called, exchanges on that road may end in these ways too. */
  disturb(road: Road | "both", allowed: readonly Allowed[]): () => void;
  /** What the disturbances since that moment excuse. */
  excuses(road: Road, sinceMs: number): ReadonlySet<Allowed>;
  /** An upstream ends idle connections all the time; told of each, because a request may have been on its way. */
  idleClosed(road: Road): void;
  wasIdleClosedSince(road: Road, sinceMs: number): boolean;
  /** Looks whether processes had their time, which it does by itself only now and then. */
  look(): void;
  /** Whether that process got its time matters as well as whether this one did. */
  watch(pid: number): void;
  stop(): void;
}

interface Disturbance {
  readonly road: Road | "both";
  readonly allowed: readonly Allowed[];
  endedMs: number;
}

const TICK_MS = 100;
const KEPT_MS = 60_000;
// A connection's end takes a moment to arrive, and a request that was written into it another to fail.
const ECHO_MS = 250;

const STARVED: readonly Allowed[] = ["broken", 408, 502, 504];

export function createCalm(): Calm {
  let disturbances: Disturbance[] = [];
  const idleClosedMs = new Map<Road, number>();
  const starvation = createStarvation();
  const look = (): void => {
    const endedMs = performance.now();
    disturbances = disturbances.filter((one) => one.endedMs > endedMs - KEPT_MS);
    if (starvation.wasFelt()) disturbances.push({ road: "both", allowed: STARVED, endedMs });
  };
  const ticking = setInterval(look, TICK_MS);
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
    idleClosed: (road) => void idleClosedMs.set(road, performance.now()),
    wasIdleClosedSince: (road, sinceMs) => (idleClosedMs.get(road) ?? -ECHO_MS) + ECHO_MS > sinceMs,
    look,
    watch: starvation.watch,
    stop: () => clearInterval(ticking),
  };
}
