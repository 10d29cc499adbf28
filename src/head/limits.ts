/** How many converted HEADs a route lets through: a flood of them must not cost the backend as many GETs. */

import type { HeadLimit, RouteConfig } from "../config/schema/file.ts";

/** Lets HEADs in, or not. */
export interface HeadLimits {
  /** What to call when the HEAD is over; or in how many seconds the next one has a chance. */
  acquire(route: RouteConfig): (() => void) | number;
}

interface Count {
  running: number;
  /** What may still begin at once; it fills up again with time. */
  tokens: number;
  filledMs: number;
  readonly release: () => void;
}

/** Creates the counters, one for each route that has a limit; `now` is in milliseconds. */
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

// A token bucket that holds one second's worth: what was not used is there for a burst, and no more than that.
function fill(count: Count, { rate = 0 }: HeadLimit, nowMs: number): void {
  const earned = ((nowMs - count.filledMs) / 1_000) * rate;
  count.tokens = Math.min(Math.max(1, rate), count.tokens + earned);
  count.filledMs = nowMs;
}
