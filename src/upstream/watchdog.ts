/** The limits of time of one connection. */

/** Calls back when the limit that holds at the moment is over. */
export interface Watchdog {
  /** To be called when a limit may have moved closer. */
  watch(): void;
  stop(): void;
}

/**
 * Creates the watchdog. `dueMs` says when the limit that holds now is over, in milliseconds of the monotonic clock; Infinity
 * where none does.
 *
 * One timer that is left running and looks at the clock when it fires: arming and clearing one for every exchange costs more
 * than the exchange's routing.
 */
export function createWatchdog(dueMs: () => number, onDue: () => void): Watchdog {
  let timer: NodeJS.Timeout | undefined;
  let firesAtMs = Infinity;

  return {
    watch,
    stop() {
      clearTimeout(timer);
      timer = undefined;
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

  function fire(): void {
    timer = undefined;
    firesAtMs = Infinity;
    if (dueMs() <= performance.now()) onDue();
    else watch();
  }
}
