/** The event loop between two steps of a long task. */

/** Resolves when what waits in the event loop has had its turn. A reload works in steps, or traffic would stand still. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
