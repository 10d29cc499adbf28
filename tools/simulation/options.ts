/** The options of `npm run simulate`. */

import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

import { readFlags, toCount, toNumber, toSeed } from "../shared/options.ts";
import { MUTATIONS } from "./mutations.ts";
import type { Schedule } from "./schedule.ts";

/** The help text. */
export const USAGE = `npm run simulate -- [options]
  --seed N        begin with the schedule of that number (a new one each time)
  --schedules N   run so many (100000)
  --jobs N        run so many processes (one for each processor)
  --seconds N     stop after that time, whatever is left
  --replay JSON   run one schedule and tell all that happens; @FILE reads it from a file
  --mutate NAME   put a fault back (tools/simulation/mutations.ts)`;

/** The options of a run. */
export interface Options {
  readonly seed: number;
  readonly schedules: number;
  readonly jobs: number;
  readonly seconds: number;
  readonly replay: Schedule | undefined;
  readonly mutate: string | undefined;
}

/** Reads the command line; undefined means that `--help` is among the flags. Throws on an unknown flag. */
export function parseOptions(args: readonly string[]): Options | undefined {
  const values = readFlags(args, {
    seed: { type: "string" },
    schedules: { type: "string", default: "100000" },
    jobs: { type: "string", default: String(availableParallelism()) },
    seconds: { type: "string" },
    replay: { type: "string" },
    mutate: { type: "string" },
  });
  if (values === undefined) return undefined;
  const { replay, mutate, seconds } = values;
  if (mutate !== undefined && !Object.hasOwn(MUTATIONS, mutate))
    throw new Error(`no mutation "${mutate}"`);
  return {
    seed: toSeed(values.seed),
    schedules: toCount("schedules", values.schedules),
    jobs: toCount("jobs", values.jobs),
    seconds: seconds === undefined ? Infinity : toNumber("seconds", seconds),
    replay: replay === undefined ? undefined : toSchedule(replay),
    mutate,
  };
}

function toSchedule(text: string): Schedule {
  const json = text.startsWith("@") ? readFileSync(text.slice(1), "utf8") : text;
  return JSON.parse(json) as Schedule;
}
