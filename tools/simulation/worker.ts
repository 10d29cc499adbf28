// A process that runs the schedules that its parent sends, most of them by their numbers. Its argument is the file of the simulation's bundle.
import type { Batch, Failed, Replay, Results } from "./jobs.ts";
import { type Simulation, requireSimulation } from "./load.ts";

const [bundle = ""] = process.argv.slice(2);
const simulation = requireSimulation(bundle);
// Node's own function: the simulation's replacement waits for the simulated clock.
const { setImmediate } = globalThis;
simulation.prepare();
process.on("message", (batch: Batch | Replay) => {
  setImmediate(() => {
    process.send?.("replay" in batch ? replay(simulation, batch) : run(simulation, batch));
  });
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

/** Runs all of these schedules, whether they fail or not. */
function replay({ simulate }: Simulation, { replay: schedules }: Replay): Results {
  const counts = new Map<string, number>();
  const failed = schedules
    .map((schedule, number): Failed => ({
      number,
      violations: simulate(schedule, counts).violations,
    }))
    .filter(({ violations }) => violations.length > 0);
  return { passed: schedules.length - failed.length, failed, counts: [...counts] };
}
