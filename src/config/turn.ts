/** The event loop between two steps of a long task. */

/** Resolves when what waits in the event loop has had its turn. A reload works in steps, or traffic would stand still. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Half of what a client would notice beside other work. */
const MAX_HOLD_MS = 5;

/**
 * Creates the pauses of a task whose steps are short: to be called after each step, it returns a turn of the event loop to wait for if
 * the steps since the last one took some milliseconds.
 */
export function createPauses(): () => Promise<void> | undefined {
  let beganMs = performance.now();
  return () => {
    if (performance.now() - beganMs < MAX_HOLD_MS) return undefined;
    return nextTurn().then(() => {
      beganMs = performance.now();
    });
  };
}
