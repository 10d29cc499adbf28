/** Judges what a run added to headgate's live memory. */

import type { LiveMemory } from "../../test/support/live-memory.ts";

/** The live memory after that many requests, while no client sends any. */
export interface Measured {
  readonly requests: number;
  readonly memory: LiveMemory;
}

const MEBIBYTE = 1024 ** 2;

/**
 * How much each may grow. What V8 learns about the code took 1 MiB in 60,000 requests. The resident set depends on the most that was in
 * use at one time, because malloc and V8 keep what is free: it grew by up to 50 MiB where nothing leaked.
 */
const MAX_BYTES = {
  objects: 2 * MEBIBYTE,
  external: MEBIBYTE,
  resident: 96 * MEBIBYTE,
} as const satisfies Readonly<Record<keyof LiveMemory, number>>;

/** In a soak V8 goes on learning, ever more slowly. */
const MAX_BYTES_PER_REQUEST = 2;

const WHAT = {
  objects: "live objects",
  external: "live memory outside the heap",
  resident: "resident memory",
} as const satisfies Readonly<Record<keyof LiveMemory, string>>;

const KINDS = ["objects", "external", "resident"] as const;

/** One sentence for each kind of memory that grew too much. */
export function findGrowth(warm: Measured, end: Measured): readonly string[] {
  const requests = end.requests - warm.requests;
  return KINDS.map((kind) => [kind, end.memory[kind] - warm.memory[kind]] as const)
    .filter(([kind, bytes]) => bytes > MAX_BYTES[kind] + MAX_BYTES_PER_REQUEST * requests)
    .map(([kind, bytes]) => `${WHAT[kind]} grew by ${bytes} bytes in ${requests} requests`);
}

/** A line for the summary. */
export function toMemoryLine({ requests, memory }: Measured): string {
  const figures = KINDS.map((kind) => `${(memory[kind] / MEBIBYTE).toFixed(1)} MiB ${WHAT[kind]}`);
  return `after ${requests} requests: ${figures.join(", ")}`;
}
