/** V8's heap, as a small long-lived process wants it. The door of node:v8 and node:vm. */

import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** What the rest of the process asks of the heap. */
export interface Heap {
  /** A minor garbage collection: half a millisecond. */
  collectMinor(): void;
}

/** Of one of the two halves of the young generation. */
const HALF_BYTES = 4 * 1024 * 1024;
/** A half that is nearly as large will do: it loses a page or two to V8's own use. */
const ENOUGH = 1.1;
const MAX_STEPS = 6;
const NO_GROWTH = "--semi-space-growth-factor=1";
const SURVIVOR_BYTES = 2 * 1024;
/** How often it is looked at. */
const CHECK_MS = 1_000;
/** Part of the time in which the process did something, from which on there is load. */
const BUSY = 0.2;

/**
 * Takes hold of V8's young generation, in which nearly everything here lives and dies.
 *
 * At V8's first size, 1 MiB, a fifth of an exchange's CPU time goes into collecting it. Left alone it grows to 16 MiB, a third of
 * a sidecar's memory, and gains little over four. There is no switch for this at run time, and a flag on the command line is
 * not everybody's to give; but V8 lets it grow by a factor that may be set, when much has survived.
 */
export function createHeap(): Heap {
  // The one way to V8's collector without a flag on the command line, which a sidecar's image or `npx` may not have.
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as (options: { readonly type: "minor" }) => void;
  const collectMinor = (): void => collect({ type: "minor" });

  setFlagsFromString(NO_GROWTH);
  let utilization = performance.eventLoopUtilization();
  setInterval(() => {
    const now = performance.eventLoopUtilization();
    const isBusy = performance.eventLoopUtilization(now, utilization).utilization > BUSY;
    utilization = now;
    // Not at the start, whose milliseconds count, and again whenever V8 has given the memory back for want of work.
    if (isBusy) widen(collectMinor);
  }, CHECK_MS).unref();
  return { collectMinor };
}

// By making more survive than a half holds, one doubling after the other: some versions of V8 grow twice where much more does.
function widen(collectMinor: () => void): void {
  if (halfBytes() * 2 > HALF_BYTES * ENOUGH) return;
  setFlagsFromString("--semi-space-growth-factor=2");
  const one = Array.from({ length: SURVIVOR_BYTES / 8 }, (_, index) => index);
  for (let step = 0; step < MAX_STEPS && halfBytes() * 2 <= HALF_BYTES * ENOUGH; step += 1) {
    const survivors = Array.from({ length: (1.25 * halfBytes()) / SURVIVOR_BYTES }, () =>
      one.slice(),
    );
    collectMinor();
    survivors.length = 0;
  }
  setFlagsFromString(NO_GROWTH);
}

// The size of the whole counts the second half only while it is in use.
function halfBytes(): number {
  const young = getHeapSpaceStatistics().find((space) => space.space_name === "new_space");
  return young === undefined ? HALF_BYTES : young.space_used_size + young.space_available_size;
}
