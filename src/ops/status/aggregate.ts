/** Sums over the tally's finest counts, for readers who want one number. */

import type { MethodCounters, RouteCounters } from "../metrics/counters.ts";

/** What a route, or all of them, did since the start. */
export interface Aggregate {
  requests: number;
  heads: number;
  /** Answers with 4xx and 5xx. */
  clientErrors: number;
  serverErrors: number;
  clientAborts: number;
  rescued: number;
  /** Durations by bucket; `bounds` are seconds. */
  readonly durations: number[];
  bounds: readonly number[];
}

/** Adds routes up. */
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
    // 499 says that a client left; it is no answer.
    if (status >= 400 && status < 499) sum.clientErrors += count;
    if (status >= 500) sum.serverErrors += count;
  }
  sum.bounds = duration.bounds;
  for (const [index, count] of duration.counts.entries())
    sum.durations[index] = (sum.durations[index] ?? 0) + count;
}

/**
 * The value below which the share `q` of all lies, spread evenly within its bucket as Prometheus' histogram_quantile does;
 * the last bound where it lies beyond, undefined where there is nothing.
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
