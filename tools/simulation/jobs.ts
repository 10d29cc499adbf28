/** Runs schedules in several processes: each has its own loop and clock. */

import { type ChildProcess, fork } from "node:child_process";
import { compileFiles } from "../../scripts/compile.mjs";
import { withSimulation } from "./bundle.ts";
import { MUTATIONS } from "./mutations.ts";
import type { Options } from "./options.ts";
import type { Schedule } from "./schedule.ts";

/** Schedules by number: from the first up to, but not including, the second. */
export interface Batch {
  readonly from: number;
  readonly to: number;
}

/** Schedules of the caller; their numbers are their places. */
export interface Replay {
  readonly replay: readonly Schedule[];
}

/** A schedule that failed, and its violations. */
export interface Failed {
  readonly number: number;
  readonly violations: readonly string[];
}

/** The results of schedules. */
export interface Results {
  readonly passed: number;
  readonly failed: readonly Failed[];
  readonly counts: readonly (readonly [string, number])[];
}

/** The worker, compiled at the first use: a TypeScript file runs directly only if the parent has tsx. */
let worker: Promise<readonly string[]> | undefined;

/** Small, so that all processes end at about the same time. */
const BATCH = 100;

/**
 * Runs all schedules, or until one fails; the failures are in the order of their numbers. Batches begin in order and are completed when
 * one fails, so the first failure is the same for any number of processes.
 */
export async function runInProcesses(options: Options): Promise<Results> {
  const { seed, schedules, seconds, jobs } = options;
  const end = seed + schedules;
  const endMs = performance.now() + seconds * 1_000;
  const counts = new Map<string, number>();
  const failed: Failed[] = [];
  let passed = 0;
  let from = seed;
  const next = (): Batch | undefined => {
    if (from >= end || failed.length > 0 || performance.now() >= endMs) return undefined;
    const batch = { from, to: Math.min(from + BATCH, end) };
    from = batch.to;
    return batch;
  };
  const add = (results: Results): void => {
    passed += results.passed;
    failed.push(...results.failed);
    for (const [name, count] of results.counts) counts.set(name, (counts.get(name) ?? 0) + count);
  };
  await withWorkers(options.mutate, async (start) => {
    const work = { next, add };
    await Promise.all(Array.from({ length: jobs }, () => runBatches(start(), work)));
  });
  return { passed, failed: failed.toSorted((a, b) => a.number - b.number), counts: [...counts] };
}

/** Runs these schedules in a process of their own, and returns the violations in each. */
export async function replayInProcess(
  replay: readonly Schedule[],
  mutate?: string,
): Promise<readonly (readonly string[])[]> {
  const { failed } = await withWorkers(mutate, async (start) => {
    const child = start();
    return ask(child, { replay }).finally(() => child.kill());
  });
  return replay.map((_, index) => failed.find(({ number }) => number === index)?.violations ?? []);
}

/** Compiles the worker and builds the simulation, once for all workers that the task starts. */
async function withWorkers<T>(
  mutate: string | undefined,
  task: (start: () => ChildProcess) => Promise<T>,
): Promise<T> {
  worker ??= compileFiles(["tools/simulation/worker.ts"]);
  const [file = ""] = await worker;
  const mutations = mutate === undefined ? [] : (MUTATIONS[mutate] ?? []);
  // Without this process's own options: neither tsx nor source maps are of use to a worker, which reports no stack.
  const options = { execArgv: [] };
  return withSimulation(mutations, (bundle) => task(() => fork(file, [bundle], options)));
}

interface Work {
  readonly next: () => Batch | undefined;
  readonly add: (results: Results) => void;
}

/** Uses one process from its first batch to its last. */
async function runBatches(child: ChildProcess, { next, add }: Work): Promise<void> {
  try {
    for (let batch = next(); batch !== undefined; batch = next()) add(await ask(child, batch));
  } finally {
    child.kill();
  }
}

function ask(child: ChildProcess, batch: Batch | Replay): Promise<Results> {
  return new Promise((resolve, reject) => {
    const onExit = (): void => {
      reject(new Error(`the process of these schedules has ended: ${JSON.stringify(batch)}`));
    };
    child.once("exit", onExit).once("message", (results) => {
      child.off("exit", onExit);
      resolve(results as Results);
    });
    child.send(batch);
  });
}
