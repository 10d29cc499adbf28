/** The simulation finds the faults that it is there for, each within a bounded number of schedules, and none without them. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import test from "node:test";
import { runInProcesses } from "../../tools/simulation/jobs.ts";
import { MUTATIONS } from "../../tools/simulation/mutations.ts";

/** No schedule beyond that is run for one fault. */
const MOST_SCHEDULES = 20_000;

/** The schedules that find the faults are not near the first one: a run begins at the one that did when this was written. */
const BEGINS_AT: Readonly<Record<string, number>> = {
  "a request that is sent again waits at the end of the queue": 105,
  "a response that takes too long counts as a dead connection": 53,
  "bytes that come before the request has left are its response": 265,
  "an end that comes before the request has left fails it": 218,
  "a side that was paused counts as silent": 24,
  "a DELETE is sent twice": 219,
};

const PLAIN = { seconds: Infinity, jobs: 1, mutate: undefined, replay: undefined };

test("it finds nothing in headgate", async () => {
  const { passed, failed } = await runInProcesses({ ...PLAIN, seed: 1, schedules: 500 });
  assert.deepEqual(failed, []);
  assert.equal(passed, 500);
});

for (const mutate of Object.keys(MUTATIONS)) {
  test(`it finds that ${mutate}`, async () => {
    const seed = BEGINS_AT[mutate] ?? 1;
    const { failed } = await runInProcesses({ ...PLAIN, seed, schedules: MOST_SCHEDULES, mutate });
    assert.equal(failed.length, 1);
  });
}

test("a failure is made small, and the command that it prints shows it again", () => {
  const mutate = "a DELETE is sent twice";
  const begin = String(BEGINS_AT[mutate] ?? 1);
  const run = simulate("--seed", begin, "--jobs", "2", "--mutate", mutate);
  assert.equal(run.status, 1, run.stdout + run.stderr);
  assert.match(run.stdout, /^VIOLATION in schedule \d+: \S+, a DELETE, was sent twice/m);
  assert.match(run.stdout, /^\d+ passed, [12] failed$/m);
  const [, schedule = ""] = /--replay '(.*)'$/m.exec(run.stdout) ?? [];
  assert.ok(schedule.length < 500, schedule);
  const again = simulate("--replay", schedule, "--mutate", mutate);
  assert.equal(again.status, 1, again.stdout + again.stderr);
  assert.match(again.stdout, /^VIOLATION: \S+, a DELETE, was sent twice/m);
});

function simulate(...args: readonly string[]) {
  const run = join(import.meta.dirname, "..", "..", "tools", "simulation", "run.ts");
  return spawnSync(process.execPath, ["--import", "tsx", run, ...args], { encoding: "utf8" });
}
