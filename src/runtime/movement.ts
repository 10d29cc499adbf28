/** Watches whether bytes that wait for a peer still move. */

/** Detects whether waiting bytes still move. Times are milliseconds of the monotonic clock. */
export interface Movement {
  /** Forgets the last check, because other bytes wait now. */
  restart(nowMs: number): void;
  /** When to check next, if nothing has moved since `sinceMs` and the limit is `limitMs`. */
  nextMs(sinceMs: number, limitMs: number): number;
  /** Counts, and returns whether something has moved since the last check. */
  check(nowMs: number): boolean;
}

/** How many checks one limit has. So the end of movement is noticed at most one step late. */
export const STEPS = 4;

/** Follows waiting bytes; `count` returns how many the peer has not acknowledged. */
export function createMovement(count: () => number | undefined): Movement {
  let checkedMs = 0;
  let waiting: number | undefined;
  /** Checks in a row that found no movement. */
  let quietChecks = 0;
  return {
    restart(nowMs) {
      checkedMs = nowMs;
      waiting = undefined;
      quietChecks = 0;
    },
    // Checks count, not the clock alone: a time in which this process stood still, and perhaps its peers too, is one step.
    nextMs: (sinceMs, limitMs) =>
      quietChecks < STEPS ? Math.max(checkedMs, sinceMs) + limitMs / STEPS : sinceMs + limitMs,
    check(nowMs) {
      const before = waiting;
      waiting = count();
      checkedMs = nowMs;
      const hasMoved = before !== undefined && waiting !== undefined && waiting !== before;
      quietChecks = hasMoved ? 0 : quietChecks + 1;
      return hasMoved;
    },
  };
}
