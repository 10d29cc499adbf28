/** Records disturbances that excuse the result of an exchange, such as a dead upstream or strict limits. */

import type { Allowed } from "./faults.ts";
import type { Road } from "./plan.ts";
import { createStarvation } from "./starvation.ts";

/** The disturbances of a run. */
export interface Calm {
  /** Until the caller calls the returned function, exchanges on that road may also end in these ways. */
  disturb(road: Road | "both", allowed: readonly Allowed[]): () => void;
  /** The results that the disturbances since that moment excuse. */
  excuses(road: Road, sinceMs: number): ReadonlySet<Allowed>;
  /** Records that an upstream closed an idle connection: a request may have been on its way. */
  idleClosed(road: Road): void;
  wasIdleClosedSince(road: Road, sinceMs: number): boolean;
  /** Whether processes got too little processor time since that moment. */
  wasStarved(sinceMs: number): boolean;
  /** Checks whether processes got processor time; by itself it checks only now and then. */
  look(): void;
  /** Also checks that the process with that id gets processor time. */
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
// The end of a connection takes a moment to arrive, and a request written into it takes another to fail.
const ECHO_MS = 250;

const STARVED: readonly Allowed[] = ["broken", 408, 502, 504];

/** Creates the record of disturbances. */
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
    wasStarved: (sinceMs) =>
      disturbances.some(({ allowed, endedMs }) => allowed === STARVED && endedMs > sinceMs),
    look,
    watch: starvation.watch,
    stop: () => clearInterval(ticking),
  };
}
