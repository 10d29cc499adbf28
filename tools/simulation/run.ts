// npm run simulate: thousands of random schedules of the events between clients, headgate and an upstream.
import { printCounts } from "../shared/counts.ts";
import { loadSimulation } from "./bundle.ts";
import { type Failed, runInProcesses } from "./jobs.ts";
import { MUTATIONS } from "./mutations.ts";
import { type Options, USAGE, parseOptions } from "./options.ts";
import type { Schedule } from "./schedule.ts";
import { shrink } from "./shrink.ts";

const options = parseOptions(process.argv.slice(2));
if (options === undefined) console.log(USAGE);
else if (options.replay !== undefined) {
  const { replay, mutate } = options;
  await tell((simulation) => process.exit(show(simulation, replay)), mutate);
} else await runAll(options);

type Simulation = Awaited<ReturnType<typeof loadSimulation>>;

async function runAll(settings: Options): Promise<void> {
  const { seed, schedules, jobs, mutate } = settings;
  console.log(`simulate: seed ${seed}, ${schedules} schedules, ${jobs} at a time`);
  const beganMs = performance.now();
  const { passed, failed, counts } = await runInProcesses(settings);
  const seconds = (performance.now() - beganMs) / 1_000;
  printCounts(counts);
  console.log(`${seconds.toFixed(0)} s, ${Math.round(passed / seconds)} schedules a second`);
  const closing = `${passed} passed, ${failed.length} failed`;
  const [first] = failed;
  // Schedules without requests hold every invariant, so such a run shows nothing.
  if (passed > 0 && !counts.some(([name, count]) => name === "requests" && count > 0)) {
    console.log("no request reached headgate: the simulation does not fit the sources");
    return process.exit(1);
  }
  if (first === undefined) return console.log(closing);
  await tell((simulation) => {
    explain(simulation, first);
    console.log(closing);
    process.exit(1);
  }, mutate);
}

/** Loads the simulation into this process, which uses the simulated clock from then on. */
async function tell(
  task: (simulation: Simulation) => void,
  mutate: string | undefined,
): Promise<void> {
  const simulation = await loadSimulation(mutate === undefined ? [] : MUTATIONS[mutate]);
  // Called from a callback of the real event loop: inside a promise's callback, Node would not let the simulation run promises.
  setImmediate(() => {
    simulation.prepare();
    task(simulation);
  });
}

function explain(simulation: Simulation, { number, violations }: Failed): void {
  console.log(`VIOLATION in schedule ${number}: ${violations.join("; ")}`);
  const fails = (one: Schedule): boolean =>
    simulation.simulate(one, new Map()).violations.length > 0;
  const schedule = simulation.drawSchedule(number);
  if (!fails(schedule)) console.log("It is not seen by itself: something outlives a schedule.");
  const small = shrink(schedule, fails);
  show(simulation, small);
  console.log(`again: npm run simulate -- --replay '${JSON.stringify(small)}'`);
}

function show(simulation: Simulation, schedule: Schedule): number {
  const { violations, trace } = simulation.simulate(schedule, new Map(), "traced");
  console.log(JSON.stringify(schedule));
  for (const line of trace) console.log(`  ${line}`);
  for (const violation of violations) console.log(`VIOLATION: ${violation}`);
  return violations.length === 0 ? 0 : 1;
}
