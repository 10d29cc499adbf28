/** Renders something expensive once for all callers of about the same time. */

import { setTimeout as sleep } from "node:timers/promises";

/**
 * The pause between two renderings, as a multiple of the time that the last one took: however many callers there are, renderings take
 * about a tenth of the process's time at most. The longest pause is short enough for Prometheus, which gives up after 10 s.
 */
const PAUSE_FACTOR = 10;
const MIN_PAUSE_MS = 100;
const MAX_PAUSE_MS = 1_000;

/**
 * Creates the function that renders. All callers get the same rendering until it begins, and later callers get the next one, so that
 * no caller gets numbers from before its call. Keeping the last rendering for a while would be quicker, but a scrape after a request
 * would not show the request. Rejects with the error of `render`; the next rendering is tried all the same.
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
