// npm run simulate: thousands of schedules of all that can happen between clients, headgate and an upstream.
import { type Simulation, loadSimulation } from "./bundle.ts";
import { MUTATIONS } from "./mutations.ts";
import { type Options, USAGE, parseOptions } from "./options.ts";
import type { Schedule } from "./schedule.ts";
import { shrink } from "./shrink.ts";

const clock = process.hrtime.bigint.bind(process.hrtime);
const options = parseOptions(process.argv.slice(2));
if (options === undefined) console.log(USAGE);
else {
  const mutations = options.mutate === undefined ? [] : MUTATIONS[options.mutate];
  if (mutations === undefined) throw new Error(`no mutation "${options.mutate}"`);
  const simulation = await loadSimulation(mutations);
  // From a callback of the real event loop: within a promise's, Node would not let the simulation run promises.
  setImmediate(() => {
    simulation.prepare();
    process.exit(
      options.replay === undefined
        ? runAll(simulation, options)
        : replay(simulation, options.replay),
    );
  });
}

function runAll(simulation: Simulation, { seed, schedules, seconds }: Options): number {
  console.log(`simulate: seed ${seed}, ${schedules} schedules`);
  const counts = new Map<string, number>();
  const began = clock();
  const elapsed = (): number => Number(clock() - began) / 1e9;
  let number = 0;
  for (; number < schedules && elapsed() < seconds; number += 1) {
    const schedule = simulation.drawSchedule(seed + number);
    const { violations, turns } = simulation.simulate(schedule, counts);
    counts.set("turns", (counts.get("turns") ?? 0) + turns);
    if (violations.length === 0) continue;
    console.log(`VIOLATION in schedule ${seed + number}, the ${number + 1}th:`);
    reportFailure(simulation, schedule);
    return 1;
  }
  for (const [name, count] of [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    console.log(`  ${name}: ${count}`);
  const time = elapsed();
  console.log(`${number} passed in ${time.toFixed(0)} s, ${Math.round(number / time)} a second`);
  return 0;
}

function reportFailure(simulation: Simulation, schedule: Schedule): void {
  const fails = (one: Schedule): boolean =>
    simulation.simulate(one, new Map()).violations.length > 0;
  const small = shrink(schedule, fails);
  replay(simulation, small);
  console.log(`again: npm run simulate -- --replay '${JSON.stringify(small)}'`);
}

function replay(simulation: Simulation, schedule: Schedule): number {
  const { violations, trace } = simulation.simulate(schedule, new Map(), "traced");
  console.log(JSON.stringify(schedule));
  for (const line of trace) console.log(`  ${line}`);
  for (const violation of violations) console.log(`VIOLATION: ${violation}`);
  return violations.length === 0 ? 0 : 1;
}
