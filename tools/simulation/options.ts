/** What `npm run simulate` is asked for. */

import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";

import { MUTATIONS } from "./mutations.ts";
import type { Schedule } from "./schedule.ts";

export const USAGE = `npm run simulate -- [options]
  --seed N        begin with the schedule of that number (a new one each time)
  --schedules N   run so many (100000)
  --jobs N        run so many processes (one for each processor)
  --seconds N     stop after that time, whatever is left
  --replay JSON   run one schedule and tell all that happens; @FILE reads it from a file
  --mutate NAME   put a fault back (tools/simulation/mutations.ts)`;

export interface Options {
  readonly seed: number;
  readonly schedules: number;
  readonly jobs: number;
  readonly seconds: number;
  readonly replay: Schedule | undefined;
  readonly mutate: string | undefined;
}

/** Undefined: the usage is wanted. Throws for what cannot be understood. */
export function parseOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: "string" },
      schedules: { type: "string", default: "100000" },
      jobs: { type: "string", default: String(availableParallelism()) },
      seconds: { type: "string", default: "Infinity" },
      replay: { type: "string" },
      mutate: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) return undefined;
  const { replay, mutate } = values;
  if (mutate !== undefined && !Object.hasOwn(MUTATIONS, mutate))
    throw new Error(`no mutation "${mutate}"`);
  return {
    seed: values.seed === undefined ? Math.floor(Math.random() * 1e9) : Number(values.seed),
    schedules: toCount(values.schedules),
    jobs: toCount(values.jobs),
    seconds: Number(values.seconds),
    replay: replay === undefined ? undefined : toSchedule(replay),
    mutate,
  };
}

function toCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new Error(`not a number of any: ${text}`);
  return count;
}

function toSchedule(text: string): Schedule {
  const json = text.startsWith("@") ? readFileSync(text.slice(1), "utf8") : text;
  return JSON.parse(json) as Schedule;
}
