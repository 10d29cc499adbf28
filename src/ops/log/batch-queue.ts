/** Work that can wait a little, done in one go. */

export interface BatchQueue<Item> {
  add(item: Item): void;
  /** Does now what waits. */
  flush(): void;
}

/** As many as make a batch worth it, and few enough that their items are still in the processor's cache. */
const MAX_WAITING = 64;
const DELAY_MS = 20;

/** Calls `perform` with the items, in order, once 64 wait or 20 ms after the first. */
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
      // Not unref'd: a process that simply runs out of work still does it.
      else timer ??= setTimeout(flush, DELAY_MS);
    },
    flush,
  };
}
