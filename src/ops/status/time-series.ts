/** The last minutes, second by second, for the plots of the status page. */

import { quantile, aggregate, type Aggregate } from "./aggregate.ts";
import type { Counters } from "../metrics/counters.ts";

/** One second or so: counts are per second, times milliseconds; undefined where there was no request. */
export interface Point {
  readonly requests: number;
  readonly heads: number;
  readonly errors: number;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

export interface TimeSeries {
  /** Adds a point for the time since the last one. `clockMs` is a monotonic clock. */
  sample(clockMs: number): void;
  /** The oldest first. */
  points(): readonly Point[];
}

/** Three minutes of seconds: what fits a plot at two pixels a point, on a phone too. */
const KEPT = 180;

/** Reads the tally and changes nothing in it. */
export function createTimeSeries(tally: Counters, clockMs: number): TimeSeries {
  const points: Point[] = [];
  let last = aggregate(tally.routes.values());
  let lastMs = clockMs;
  return {
    sample(nowMs) {
      const sum = aggregate(tally.routes.values());
      points.push(toPoint(last, sum, Math.max(1, nowMs - lastMs) / 1000));
      if (points.length > KEPT) points.shift();
      last = sum;
      lastMs = nowMs;
    },
    points: () => points,
  };
}

function toPoint(from: Aggregate, to: Aggregate, seconds: number): Point {
  const perSecond = (key: "requests" | "heads" | "serverErrors"): number =>
    Math.round(((to[key] - from[key]) / seconds) * 10) / 10;
  const durations = to.durations.map((count, index) => count - (from.durations[index] ?? 0));
  return {
    requests: perSecond("requests"),
    heads: perSecond("heads"),
    errors: perSecond("serverErrors"),
    p50Ms: toMs(quantile(0.5, to.bounds, durations)),
    p99Ms: toMs(quantile(0.99, to.bounds, durations)),
  };
}

/** Seconds as milliseconds, to the microsecond. */
export function toMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * 1_000_000) / 1000;
}
