/** Whether this process should get traffic. The state only moves forward: starting, ready, draining. */

/** The word that `/readyz` and the status page show. */
export type ReadinessState = "starting" | "ready" | "draining";

/** The readiness of one process. */
export interface Readiness {
  state(): ReadinessState;
  /** The ports listen. It has no effect after `drain`, so that a slow start does not undo a shutdown. */
  ready(): void;
  /** The shutdown has begun. `/readyz` fails, so load balancers stop sending requests while those in flight finish. */
  drain(): void;
}

/** Creates the state "starting". */
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
