/** Measures the work of a task as CPU time of this process, not as elapsed time, so that a busy machine changes nothing. */

import assert from "node:assert/strict";

// Four times the input takes four times the work if the algorithm is linear, and sixteen times if it reads each piece from the
// beginning again.
const GROWTH = 4;
const MAX_GROWTH = 8;
// Disturbances (compilation, garbage collection, other processes in the caches) only add to a measurement: the minimum of several is
// right, and further measurements correct a wrong one.
const ROUNDS = 2;
const MAX_ROUNDS = 10;

/** Asserts that `work` of four times `size` costs about four times as much. */
export async function assertLinear(size: number, work: Work<[size: number]>): Promise<void> {
  await assertRatio(MAX_GROWTH, [() => work(size), () => work(size * GROWTH)]);
}

/** Asserts that the second task costs less than `most` times the first one. Each has to take some milliseconds. */
export async function assertRatio(
  max: number,
  [first, second]: readonly [Work, Work],
): Promise<void> {
  let little = Infinity;
  let much = Infinity;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    little = Math.min(little, await measureWork(first));
    much = Math.min(much, await measureWork(second));
    if (round >= ROUNDS && much < little * max) return;
  }
  assert.fail(`${much.toFixed(1)} ms against ${little.toFixed(1)} ms: not less than ${max} times`);
}

type Work<Arguments extends unknown[] = []> = (...given: Arguments) => void | Promise<void>;

/** Milliseconds of CPU time. */
async function measureWork(task: Work): Promise<number> {
  const before = process.cpuUsage();
  await task();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
