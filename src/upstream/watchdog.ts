/** One timer for all time limits of a connection. */

/** Calls back when the current time limit has passed. */
export interface Watchdog {
  /** To be called when the deadline may have moved closer. */
  watch(): void;
  stop(): void;
}

/**
 * Creates the watchdog. `dueMs` returns the current deadline in milliseconds of the monotonic clock, or Infinity if there is none.
 *
 * When the deadline moves later, the timer keeps running and checks the clock when it fires. To set and clear a timer for every exchange
 * would cost more than the exchange's routing.
 */
export function createWatchdog(dueMs: () => number, onDue: () => void): Watchdog {
  let timer: NodeJS.Timeout | undefined;
  let immediate: NodeJS.Immediate | undefined;
  let firesAtMs = Infinity;

  return {
    watch,
    stop() {
      clearTimeout(timer);
      clearImmediate(immediate);
      timer = undefined;
      immediate = undefined;
      firesAtMs = Infinity;
    },
  };

  function watch(): void {
    const due = dueMs();
    if (due >= firesAtMs || due === Infinity) return;
    clearTimeout(timer);
    firesAtMs = due;
    timer = setTimeout(fire, Math.max(1, Math.ceil(due - performance.now())));
    timer.unref();
  }

  // setImmediate lets the event loop read the sockets first: after a long turn, the awaited bytes may have arrived already.
  function fire(): void {
    timer = undefined;
    immediate = setImmediate(check);
  }

  function check(): void {
    immediate = undefined;
    firesAtMs = Infinity;
    if (dueMs() <= performance.now()) onDue();
    else watch();
  }
}
