/** Limits how many HEADs of a route become GETs, so that a flood of HEADs does not cost the backend as many GETs. */

import type { HeadLimit, RouteConfig } from "../config/types.ts";

/** The limits of all routes. */
export interface HeadLimits {
  /** Returns the function to call when the HEAD is over, or, over the limit, the seconds after which the client may retry. */
  acquire(route: RouteConfig): (() => void) | number;
}

interface Count {
  running: number;
  /** HEADs that may begin now, as a token bucket. */
  tokens: number;
  filledMs: number;
  readonly release: () => void;
}

/** Creates the counters, one for each route with a limit; `now` is the monotonic clock in milliseconds. */
export function createHeadLimits(now: () => number): HeadLimits {
  const counts = new WeakMap<RouteConfig, Count>();

  return {
    acquire(route) {
      const { limit } = route.head;
      if (limit === undefined) return UNLIMITED;
      let count = counts.get(route);
      if (count === undefined) counts.set(route, (count = createCount(limit, now())));
      fill(count, limit, now());
      if (limit.concurrent !== undefined && count.running >= limit.concurrent) return 1;
      if (limit.rate !== undefined) {
        if (count.tokens < 1) return Math.ceil((1 - count.tokens) / limit.rate);
        count.tokens -= 1;
      }
      count.running += 1;
      return count.release;
    },
  };
}

const UNLIMITED = (): void => undefined;

function createCount({ rate = 0 }: HeadLimit, nowMs: number): Count {
  const count: Count = {
    running: 0,
    tokens: Math.max(1, rate),
    filledMs: nowMs,
    release() {
      count.running -= 1;
    },
  };
  return count;
}

// The bucket holds the tokens of one second (at least one), so a burst after a quiet time is limited to that.
function fill(count: Count, { rate = 0 }: HeadLimit, nowMs: number): void {
  const earned = ((nowMs - count.filledMs) / 1_000) * rate;
  count.tokens = Math.min(Math.max(1, rate), count.tokens + earned);
  count.filledMs = nowMs;
}
