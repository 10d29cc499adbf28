/** Limits how often a client may do what costs headgate more than the client. */

/** What is left of an allowance that grows with time. */
export interface Budget {
  /** Takes `count`, or one. Returns whether that much was there. `nowMs` is in milliseconds of the monotonic clock. */
  take(nowMs: number, count?: number): boolean;
}

/** Creates a budget of at most `burst`, which is full at first and grows by `perSecond`. */
export function createBudget(burst: number, perSecond: number): Budget {
  let left = burst;
  let lastMs: number | undefined;
  return {
    take(nowMs, count = 1) {
      const elapsedMs = nowMs - (lastMs ?? nowMs);
      lastMs = nowMs;
      left = Math.min(burst, left + (elapsedMs * perSecond) / 1_000);
      if (left < count) return false;
      left -= count;
      return true;
    },
  };
}
