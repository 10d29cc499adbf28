/** Lets the event loop run between two steps of a long task. */

/** Resolves after the event loop has run what waits in it. A reload works in such steps, so that traffic does not wait for it. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** The longest time that a task blocks the event loop, apart from its last step. */
const MAX_HOLD_MS = 5;

/**
 * Creates the pauses of a task with short steps. Call it after each step: if the steps since the last pause took some milliseconds, it
 * returns a promise for the next turn of the event loop.
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
