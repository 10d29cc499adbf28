/** The simulation finds each planted fault within a bounded number of schedules, and finds nothing without a fault. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import test from "node:test";
import { compileFiles } from "../../scripts/compile.mjs";
import { replayInProcess, runInProcesses } from "../../tools/simulation/jobs.ts";
import { MUTATIONS } from "../../tools/simulation/mutations.ts";
import type { Schedule } from "../../tools/simulation/schedule.ts";

/** At most this many schedules run for one fault. */
const MAX_SCHEDULES = 1_000;

/** The drawn schedule that found each fault when this was written: a run begins there, and not at the first one. */
const BEGINS_AT: Readonly<Record<string, number>> = {
  "a request that is sent again waits at the end of the queue": 105,
  "a response that takes too long counts as a dead connection": 53,
  "bytes that come before the request has left are its response": 265,
  "an end that comes before the request has left fails it": 218,
  "a side that was paused counts as silent": 24,
  "a drain on a connection with a login outlives its client": 27,
  "a DELETE is sent twice": 219,
  "a client that leaves keeps its request going": 268,
  "a tunnel that was asked for in vain keeps its place": 50,
  "a truncated response looks whole": 38,
};

const RESET_WHILE_OTHERS_WAIT: Pick<Schedule, "settings" | "clients"> = {
  settings: { maxConnections: 1 },
  clients: [
    { requests: [{ responses: [{ after: { afterMs: 0, what: "reset" } }] }, { method: "DELETE" }] },
    { atMs: 1, requests: [{ method: "DELETE" }] },
    { atMs: 1, requests: [{ method: "DELETE" }] },
  ],
};

/** Random schedules need thousands of runs to find these; each has a schedule of its own. */
const FOUND_BY: Readonly<Record<string, Schedule>> = {
  "a client's request leaves its connection while content is drained there": {
    order: 1,
    clients: [{ requests: [{ method: "HEAD", login: true, responses: [{ gapMs: 5 }] }, {}] }],
  },
  "an error of one HEAD is that of all who wait": {
    order: 1,
    settings: { shareMs: 100 },
    clients: [
      {
        requests: [
          {
            method: "HEAD",
            shared: 0,
            responses: [{ waitMs: 20, stops: { at: "head", how: "reset" } }],
          },
        ],
      },
      { atMs: 5, requests: [{ method: "HEAD", shared: 0 }] },
    ],
  },
  "a write that the kernel refused counts as sent": { order: 6, ...RESET_WHILE_OTHERS_WAIT },
  "a connection that broke stays in the pool until its close": {
    order: 1,
    ...RESET_WHILE_OTHERS_WAIT,
  },
  "a request is sent a second time although a byte of its response came": {
    order: 23,
    clients: [{ requests: [{}, { responses: [{ stops: { at: "head", how: "reset" } }] }] }],
  },
  "what is left of an upload is taken for the next request": {
    order: 2_017_601_806,
    clients: [
      {
        requests: [
          { responses: [{ says: "timeout" }] },
          { responses: [{ stops: { at: 0, how: "end" } }] },
        ],
      },
      { atMs: 1, requests: [{ content: { bytes: 3_000 }, responses: [{ early: true }] }, {}] },
    ],
    dials: [{}, {}, { takes: { room: 1_000, bytes: 5_000, everyMs: 7 } }],
  },
};

/** The command, compiled once for all tests. */
const [RUN = ""] = await compileFiles(["tools/simulation/run.ts"]);

const PLAIN = { seconds: Infinity, jobs: 1, mutate: undefined, replay: undefined };

test("the simulation finds nothing in headgate", async () => {
  const { passed, failed } = await runInProcesses({ ...PLAIN, seed: 1, schedules: 200 });
  assert.deepEqual(failed, []);
  assert.equal(passed, 200);
});

test("the simulation finds nothing in headgate in the schedules for a fault", async () => {
  const schedules = Object.values(FOUND_BY);
  assert.deepEqual(
    await replayInProcess(schedules),
    schedules.map(() => []),
  );
});

for (const mutate of Object.keys(MUTATIONS)) {
  const schedule = FOUND_BY[mutate];
  if (schedule === undefined)
    test(`the simulation finds that ${mutate}`, async () => {
      const seed = BEGINS_AT[mutate] ?? 1;
      const wanted = { ...PLAIN, seed, schedules: MAX_SCHEDULES, mutate };
      const { failed } = await runInProcesses(wanted);
      assert.equal(failed.length, 1);
    });
  else
    test(`the simulation sees that ${mutate}, in the schedule for that`, async () => {
      const [violations] = await replayInProcess([schedule], mutate);
      assert.notDeepEqual(violations, []);
    });
}

test("the simulation shrinks a failure, and the command that it prints reproduces it", () => {
  const mutate = "a DELETE is sent twice";
  const begin = String(BEGINS_AT[mutate] ?? 1);
  // One schedule more than the first of two processes is given.
  const amount = ["--schedules", "101", "--jobs", "2"];
  const run = simulate("--seed", begin, ...amount, "--mutate", mutate);
  assert.equal(run.status, 1, run.stdout + run.stderr);
  assert.match(run.stdout, /^VIOLATION in schedule \d+: \S+, a DELETE, was sent twice/m);
  assert.match(run.stdout, /^\d+ passed, [12] failed$/m);
  const [, schedule = ""] = /--replay '(.*)'$/m.exec(run.stdout) ?? [];
  assert.ok(schedule.length < 500, schedule);
  const again = simulate("--replay", schedule, "--mutate", mutate);
  assert.equal(again.status, 1, again.stdout + again.stderr);
  assert.match(again.stdout, /^VIOLATION: \S+, a DELETE, was sent twice/m);
  const sound = simulate("--replay", schedule);
  assert.equal(sound.status, 0, sound.stdout + sound.stderr);
});

function simulate(...args: readonly string[]) {
  return spawnSync(process.execPath, [RUN, ...args], { encoding: "utf8" });
}
