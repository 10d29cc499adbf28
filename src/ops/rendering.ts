/** What costs time to render, rendered once for all who ask at about the same time. */

import { setTimeout as sleep } from "node:timers/promises";

/**
 * The pause between two renderings, as a multiple of the time that the last one took: however many ask, renderings take about a tenth
 * of the process's time at most. The longest pause is short enough for Prometheus, which gives up after 10 s.
 */
const PAUSE_FACTOR = 10;
const MIN_PAUSE_MS = 100;
const MAX_PAUSE_MS = 1_000;

/**
 * Creates the one way to a rendering. All callers get the same one until it begins; callers who come later get the next, so that
 * nobody is told what was true before the question. Keeping the last one for a while instead would be cheaper to wait for, but a
 * scrape after a request would not show the request. Rejects as `render` does, and goes on afterwards.
 */
export function createRendering<T>(render: () => T | Promise<T>): () => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  let next: Promise<T> | undefined;
  let pauseEndMs = 0;

  async function renderNext(): Promise<T> {
    await last;
    const pauseMs = pauseEndMs - performance.now();
    // Whoever waits holds a connection; a process that has none left has nobody to render for.
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
