// A process that runs the schedules whose numbers its parent sends.
import { type Simulation, loadSimulation } from "./bundle.ts";
import type { Batch, Failed, Results } from "./jobs.ts";
import { MUTATIONS } from "./mutations.ts";

const [mutate] = process.argv.slice(2);
const simulation = await loadSimulation(mutate === undefined ? [] : MUTATIONS[mutate]);
// Node's own function: the simulation's replacement waits for the simulated clock.
const { setImmediate } = globalThis;
simulation.prepare();
process.on("message", (batch: Batch) => {
  setImmediate(() => process.send?.(run(simulation, batch)));
});

/** Runs schedules in order, until one fails. */
function run({ drawSchedule, simulate }: Simulation, { from, to }: Batch): Results {
  const counts = new Map<string, number>();
  const failed: Failed[] = [];
  let number = from;
  for (; number < to && failed.length === 0; number += 1) {
    const { violations, turns } = simulate(drawSchedule(number), counts);
    counts.set("turns", (counts.get("turns") ?? 0) + turns);
    if (violations.length > 0) failed.push({ number, violations });
  }
  return { passed: number - from - failed.length, failed, counts: [...counts] };
}
