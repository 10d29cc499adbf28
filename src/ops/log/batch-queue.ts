/** Processes items in batches instead of one by one. */

/** A queue of items that wait for their batch. */
export interface BatchQueue<Item> {
  add(item: Item): void;
  /** Processes the waiting items now. */
  flush(): void;
}

/** Large enough for a batch to pay off, and small enough that its items are still in the processor's cache. */
const MAX_WAITING = 64;
const DELAY_MS = 20;

/** Calls `perform` with the items, in order, when 64 items wait or 20 ms after the first one. */
export function createBatchQueue<Item>(
  perform: (items: readonly Item[]) => void,
): BatchQueue<Item> {
  let waiting: Item[] = [];
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    if (waiting.length === 0) return;
    const items = waiting;
    waiting = [];
    perform(items);
  }

  return {
    add(item) {
      if (waiting.push(item) >= MAX_WAITING) flush();
      // Not unref'd: a process that has no other work left still processes the last items before it exits.
      else timer ??= setTimeout(flush, DELAY_MS);
    },
    flush,
  };
}
