/** Runs schedules in several processes: each has its own loop and clock. */

import { type ChildProcess, fork } from "node:child_process";
import { compileFiles } from "../../scripts/compile.mjs";
import type { Options } from "./options.ts";

/** Schedules by number: from the first up to, but not including, the second. */
export interface Batch {
  readonly from: number;
  readonly to: number;
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

/** The worker, compiled once: a TypeScript file runs directly only if the parent has tsx. */
const [WORKER = ""] = await compileFiles(["tools/simulation/worker.ts"]);

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
  await Promise.all(Array.from({ length: jobs }, () => work(options.mutate, { next, add })));
  return { passed, failed: failed.toSorted((a, b) => a.number - b.number), counts: [...counts] };
}

interface Work {
  readonly next: () => Batch | undefined;
  readonly add: (results: Results) => void;
}

/** Runs one process from its first batch to its last. */
async function work(mutate: string | undefined, { next, add }: Work): Promise<void> {
  const worker = fork(WORKER, mutate === undefined ? [] : [mutate]);
  try {
    for (let batch = next(); batch !== undefined; batch = next()) add(await ask(worker, batch));
  } finally {
    worker.kill();
  }
}

function ask(worker: ChildProcess, batch: Batch): Promise<Results> {
  return new Promise((resolve, reject) => {
    const onExit = (): void => {
      reject(new Error(`the process of the schedules ${batch.from} to ${batch.to - 1} has ended`));
    };
    worker.once("exit", onExit).once("message", (results) => {
      worker.off("exit", onExit);
      resolve(results as Results);
    });
    worker.send(batch);
  });
}
