/** Uses the simulation's clock and event loop in a test that runs in real time. */

import type { TestContext } from "node:test";
import type { Simulation } from "../../tools/simulation/load.ts";

/** Runs the loop, and advances its clock if nothing else is left to do, until the end of test `t`. */
export function runLoop(t: TestContext, loop: Simulation["parts"]["loop"]): void {
  let isRunning = true;
  const turn = (): void => {
    loop.turn();
    if (loop.isQuiet()) loop.advance();
    if (isRunning) setImmediate(turn);
  };
  setImmediate(turn);
  t.after(() => {
    isRunning = false;
  });
}

/** Waits until the condition holds; the time limit of the test run ends an endless wait. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
