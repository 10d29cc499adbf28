/** Shares one expensive rendering between callers that arrive at about the same time. */

import { setTimeout as sleep } from "node:timers/promises";

/**
 * The pause after a rendering, as a multiple of the rendering's duration. It limits renderings to about a tenth of the process's time,
 * independent of the number of callers. The maximum pause is short enough for Prometheus' scrape timeout of 10 s.
 */
const PAUSE_FACTOR = 10;
const MIN_PAUSE_MS = 100;
const MAX_PAUSE_MS = 1_000;

/**
 * Returns a function that renders. Callers share the next rendering until it begins; a caller that arrives later gets the one after it.
 * So no caller gets numbers from before its call. A cache would be faster, but then a scrape after a request might not include the
 * request. It rejects with the error of `render`; the next rendering starts all the same.
 */
export function createRendering<T>(render: () => T | Promise<T>): () => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  let next: Promise<T> | undefined;
  let pauseEndMs = 0;

  async function renderNext(): Promise<T> {
    await last;
    const pauseMs = pauseEndMs - performance.now();
    // Every caller holds a connection. A process without connections has no caller, so this timer need not keep it alive.
    if (pauseMs > 0) await sleep(pauseMs, undefined, { ref: false });
    next = undefined;
    const rendering = measure();
    last = rendering.catch(() => undefined);
    return rendering;
  }

  async function measure(): Promise<T> {
    const beganMs = performance.now();
    try {
      return await render();
    } finally {
      const endedMs = performance.now();
      const pauseMs = PAUSE_FACTOR * (endedMs - beganMs);
      pauseEndMs = endedMs + Math.min(Math.max(pauseMs, MIN_PAUSE_MS), MAX_PAUSE_MS);
    }
  }

  return () => (next ??= renderNext());
}
