/** The event loop between two steps of a long task. */

/** Resolves when what waits in the event loop has had its turn. A reload works in steps, or traffic would stand still. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** The longest time that a task holds the event loop, but for its last step. */
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
