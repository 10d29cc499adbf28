/** Controls how fast one side reads. */

import type { MemoryHandle } from "./handle.ts";
import { loop } from "./loop.ts";
import type { Taking } from "./schedule.ts";

const MAX_SLOW_TICKS = 40;

/** The reading side. */
export interface Taker {
  /** Reports that bytes were handed over. */
  took(bytes: number): void;
}

/** Gives the other side of a handle its buffer, and makes it read as planned. */
export function createTaker(handle: MemoryHandle, plan: Taking | undefined): Taker {
  if (plan === undefined) return { took: () => undefined };
  handle.room = plan.room;
  let owed = 0;
  let taken = 0;
  let ticks = 0;
  let isTicking = false;
  const tick = (): void => {
    if (isTicking || owed === 0 || taken >= (plan.stopsAfter ?? Infinity)) return;
    isTicking = true;
    loop.at(plan.everyMs, () => {
      isTicking = false;
      if (handle.isClosed) return;
      const bytes = Math.min(owed, plan.bytes);
      owed -= bytes;
      taken += bytes;
      ticks += 1;
      // Reading single bytes for seconds would not show anything new.
      if (ticks === MAX_SLOW_TICKS) handle.give(plan.bytes);
      handle.give(bytes);
      tick();
    });
  };
  return {
    took(bytes) {
      owed += bytes;
      tick();
    },
  };
}
