/** Watches whether bytes that wait for a peer still move. */

/** Detects whether waiting bytes still move. Times are milliseconds of the monotonic clock. */
export interface Movement {
  /** Forgets the last look, because other bytes wait now. */
  restart(nowMs: number): void;
  /** When to look next, if nothing has moved since `sinceMs` and the limit is `limitMs`. */
  nextMs(sinceMs: number, limitMs: number): number;
  /** Counts, and returns whether something has moved since the last look. */
  look(nowMs: number): boolean;
}

/** How often bytes are looked at within one limit. The end of movement is thus noticed at most one step late. */
export const STEPS = 4;

/** Follows waiting bytes; `count` returns how many the peer has not acknowledged. */
export function createMovement(count: () => number | undefined): Movement {
  let lookedMs = 0;
  let waiting: number | undefined;
  /** Looks in a row that saw no movement. */
  let quietLooks = 0;
  return {
    restart(nowMs) {
      lookedMs = nowMs;
      waiting = undefined;
      quietLooks = 0;
    },
    // By looks and not by the clock alone: a time in which this process stood still, and its peers perhaps too, is one step.
    nextMs: (sinceMs, limitMs) =>
      quietLooks < STEPS ? Math.max(lookedMs, sinceMs) + limitMs / STEPS : sinceMs + limitMs,
    look(nowMs) {
      const before = waiting;
      waiting = count();
      lookedMs = nowMs;
      const hasMoved = before !== undefined && waiting !== undefined && waiting !== before;
      quietLooks = hasMoved ? 0 : quietLooks + 1;
      return hasMoved;
    },
  };
}
