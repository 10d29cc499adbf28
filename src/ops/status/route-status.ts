/** The routes' part of the status snapshot. */

import type { RouteConfig } from "../../config/types.ts";
import { toMs } from "./time-series.ts";
import { quantile, aggregate, type Aggregate } from "./aggregate.ts";
import type { RouteCounters } from "../metrics/counters.ts";

/** Counts of requests and their latency in milliseconds. */
export interface Counts extends Omit<Aggregate, "durations" | "bounds"> {
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

/** One route in `/status.json`. */
export interface RouteStatus extends Counts {
  readonly name: string;
  /** Undefined for a route that a reload removed, and for requests that headgate refused before it looked for a route. */
  readonly mode: string | undefined;
  readonly upstream: string | undefined;
}

/** Returns the counts with their latency. */
export function toCounts({ durations, bounds, ...counts }: Aggregate): Counts {
  return {
    ...counts,
    p50Ms: toMs(quantile(0.5, bounds, durations)),
    p99Ms: toMs(quantile(0.99, bounds, durations)),
  };
}

/** Returns the configured routes in their order, then the routes that only the counters contain. */
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
