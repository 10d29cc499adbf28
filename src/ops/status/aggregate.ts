/** Sums of counters over methods, statuses and routes. */

import type { MethodCounters, RouteCounters } from "../metrics/counters.ts";

/** Totals of one route, or of all routes, since the start. */
export interface Aggregate {
  requests: number;
  heads: number;
  /** Responses with 4xx. */
  clientErrors: number;
  /** Responses with 5xx, and statuses without a class. */
  serverErrors: number;
  clientAborts: number;
  rescued: number;
  /** The number of exchanges per bucket of duration. */
  readonly durations: number[];
  /** The upper bounds of the buckets, in seconds. */
  bounds: readonly number[];
}

/** Sums the counters of routes. */
export function aggregate(routes: Iterable<RouteCounters>): Aggregate {
  const sum: Aggregate = {
    requests: 0,
    heads: 0,
    clientErrors: 0,
    serverErrors: 0,
    clientAborts: 0,
    rescued: 0,
    durations: [],
    bounds: [],
  };
  for (const route of routes) {
    sum.clientAborts += route.clientAborts;
    sum.rescued += route.rescued;
    for (const [method, counts] of route.methods) addMethod(sum, method, counts);
  }
  return sum;
}

function addMethod(sum: Aggregate, method: string, { requests, duration }: MethodCounters): void {
  for (const [status, byHead] of requests) {
    const count = Object.values(byHead).reduce((total, value) => total + value, 0);
    sum.requests += count;
    if (method === "HEAD") sum.heads += count;
    // 499 means that the client left; headgate sent no response.
    if (status >= 400 && status < 499) sum.clientErrors += count;
    if (status >= 500) sum.serverErrors += count;
  }
  sum.bounds = duration.bounds;
  for (const [index, count] of duration.counts.entries())
    sum.durations[index] = (sum.durations[index] ?? 0) + count;
}

/**
 * Estimates the quantile `q` (0 to 1) of a histogram. Like Prometheus' histogram_quantile, it assumes that values are distributed
 * evenly within a bucket. It returns the last bound if the quantile is above it, and undefined if the histogram is empty.
 */
export function quantile(
  q: number,
  bounds: readonly number[],
  counts: readonly number[],
): number | undefined {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return undefined;
  let below = 0;
  for (const [index, bound] of bounds.entries()) {
    const count = counts[index] ?? 0;
    const lower = bounds[index - 1] ?? 0;
    if (count > 0 && below + count >= q * total)
      return lower + (bound - lower) * ((q * total - below) / count);
    below += count;
  }
  return bounds.at(-1);
}
