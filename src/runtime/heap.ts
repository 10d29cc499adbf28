/** Sizes V8's heap for a small long-lived process. The door of node:v8 and node:vm. */

import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** What the rest of the process uses of the heap. */
export interface Heap {
  /**
   * Begins to size the heap. To be called once, after the start: V8 keeps compiled code of Node's own modules only for the flags that
   * it started with, so after a flag is set, each further module of Node takes twice as long to load.
   */
  tune(): void;
  /** Runs a minor garbage collection, which takes half a millisecond. Before `tune` it does nothing. */
  collectMinor(): void;
}

/** The wanted size of one of the two halves of the young generation. */
const HALF_BYTES = 4 * 1024 * 1024;
/** A half that is nearly as large counts as large enough: V8 uses a page or two itself. */
const ENOUGH = 1.1;
const MAX_STEPS = 6;
const NO_GROWTH = "--semi-space-growth-factor=1";
const SURVIVOR_BYTES = 2 * 1024;
/** How often the load is checked. */
const CHECK_MS = 1_000;
/** Above this share of busy time, the process counts as under load. */
const BUSY = 0.2;

/**
 * Sets the size of V8's young generation, in which nearly all objects of headgate live and die.
 *
 * At its first size of 1 MiB, collecting it takes a fifth of the CPU time of an exchange. Without control it grows to 16 MiB, a third of
 * a sidecar's memory, which gains little over 4 MiB. V8 has no API for the size at run time, and not every way to start headgate allows a
 * flag on the command line. But when many objects survive, V8 grows the young generation by a factor, and that factor can be set.
 *
 * Node's documentation warns that a flag set after the start may crash V8. The command line is no equal replacement. Resident memory
 * under load (HEADs on 64 connections, median of five rounds, MiB on Node 20 and Node 24; CPU time per request the same within the
 * noise):
 *
 *     this file                                             103  111
 *     --min-semi-space-size=4 --max-semi-space-size=4        97  130
 *     neither                                               127  186
 *
 * Only the image and `npm start` could pass these flags. The package's command and a plain `node` cannot: NODE_OPTIONS allows the
 * maximum alone, and is the operator's. Starting node anew with the flags costs 70 ms of CPU time and 40 MiB for the process that waits.
 */
export function createHeap(): Heap {
  let collect: ((options: { readonly type: "minor" }) => void) | undefined;
  const collectMinor = (): void => collect?.({ type: "minor" });

  function tune(): void {
    // The only way to V8's collector without a flag on the command line, which an image or `npx` may not set.
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as typeof collect;
    setFlagsFromString(NO_GROWTH);
    let utilization = performance.eventLoopUtilization();
    setInterval(() => {
      const now = performance.eventLoopUtilization();
      const isBusy = performance.eventLoopUtilization(now, utilization).utilization > BUSY;
      utilization = now;
      // Not at the start, which has to be fast. Repeated, because V8 shrinks the young generation when there is little work.
      if (isBusy) widen(collectMinor);
    }, CHECK_MS).unref();
  }

  return { tune, collectMinor };
}

// Makes more bytes survive than one half holds, for one doubling at a time: some versions of V8 double twice if much more survives.
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

// V8 reports the second half as part of the size only while it is in use, so the size of one half is computed from its bytes.
function halfBytes(): number {
  const young = getHeapSpaceStatistics().find((space) => space.space_name === "new_space");
  return young === undefined ? HALF_BYTES : young.space_used_size + young.space_available_size;
}
