/** The routes' part of the report. */

import type { RouteConfig } from "../../config/types.ts";
import { toMs } from "./time-series.ts";
import { quantile, aggregate, type Aggregate } from "./aggregate.ts";
import type { RouteCounters } from "../metrics/counters.ts";

/** What requests came to. */
export interface Counts extends Omit<Aggregate, "durations" | "bounds"> {
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

export interface RouteStatus extends Counts {
  readonly name: string;
  /** Undefined for a route that a reload took away, and for requests refused before any route was looked for. */
  readonly mode: string | undefined;
  readonly upstream: string | undefined;
}

/** The sum, with its latency. */
export function toCounts({ durations, bounds, ...counts }: Aggregate): Counts {
  return {
    ...counts,
    p50Ms: toMs(quantile(0.5, bounds, durations)),
    p99Ms: toMs(quantile(0.99, bounds, durations)),
  };
}

/** The configured routes in their order, then those that only the tally knows. */
export function toRoutes(
  configured: readonly Pick<RouteConfig, "name" | "upstream" | "head">[],
  counters: ReadonlyMap<string, RouteCounters>,
): RouteStatus[] {
  const known = new Set(configured.map(({ name }) => name));
  const others = [...counters.keys()].filter((name) => !known.has(name));
  const count = (name: string): Counts => {
    const found = counters.get(name);
    return toCounts(aggregate(found === undefined ? [] : [found]));
  };
  return [
    ...configured.map(({ name, head, upstream }) =>
      Object.assign({ name, mode: head.mode, upstream }, count(name)),
    ),
    ...others.map((name) =>
      Object.assign({ name, mode: undefined, upstream: undefined }, count(name)),
    ),
  ];
}
