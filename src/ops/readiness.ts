/** Whether this process should be given traffic. A latch: it only ever moves forward. */

export type ReadinessState = "starting" | "ready" | "draining";

export interface Readiness {
  state(): ReadinessState;
  /** Everything listens. Without effect once draining: a slow start must not undo a shutdown that overtook it. */
  ready(): void;
  /** Shutdown has begun: load balancers should look elsewhere while the requests in flight finish. */
  drain(): void;
}

/** Starts the latch in "starting". */
export function createReadiness(): Readiness {
  let state: ReadinessState = "starting";
  return {
    state: () => state,
    ready() {
      if (state === "starting") state = "ready";
    },
    drain() {
      state = "draining";
    },
  };
}
