/** The last three minutes in steps of about one second, for the plots of the status page. */

import { quantile, aggregate, type Aggregate } from "./aggregate.ts";
import type { Counters } from "../metrics/counters.ts";

/** About one second. Counts are per second; latencies are in milliseconds, and undefined if no request ended in that second. */
export interface TimeSeriesPoint {
  readonly requests: number;
  readonly heads: number;
  readonly errors: number;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

/** All requests of the last minute, or since the start if that is shorter. */
export interface LastMinute {
  /** The length of the time that the numbers cover. */
  readonly seconds: number;
  readonly requests: number;
  readonly serverErrors: number;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

/** The points, and totals of the last minute. */
export interface TimeSeries {
  /** Adds a point for the time since the previous call. `clockMs` is the time of a monotonic clock, in milliseconds. */
  sample(clockMs: number): void;
  /** The points, the oldest first. */
  points(): readonly TimeSeriesPoint[];
  lastMinute(): LastMinute;
}

/** Three minutes at one point per second. With two pixels per point, the plot fits on a phone. */
const MAX_POINTS = 180;
const MINUTE_MS = 60_000;

/** The totals since the start, at one time. */
interface Mark {
  readonly atMs: number;
  readonly totals: Aggregate;
}

/** Creates a time series that begins at `clockMs`. It reads the counters and does not change them. */
export function createTimeSeries(counters: Counters, clockMs: number): TimeSeries {
  const points: TimeSeriesPoint[] = [];
  let last: Mark = { atMs: clockMs, totals: aggregate(counters.routes.values()) };
  /** The oldest first. The first mark is the beginning of the last minute. */
  const marks: Mark[] = [last];
  return {
    sample(nowMs) {
      const mark = { atMs: nowMs, totals: aggregate(counters.routes.values()) };
      points.push(toPoint(last.totals, mark.totals, Math.max(1, nowMs - last.atMs) / 1000));
      if (points.length > MAX_POINTS) points.shift();
      last = mark;
      marks.push(mark);
      while (marks.length > 2 && nowMs - (marks[1]?.atMs ?? nowMs) >= MINUTE_MS) marks.shift();
    },
    points: () => points,
    lastMinute: () => toLastMinute(marks[0] ?? last, last),
  };
}

function toPoint(from: Aggregate, to: Aggregate, seconds: number): TimeSeriesPoint {
  const perSecond = (key: "requests" | "heads" | "serverErrors"): number =>
    Math.round(((to[key] - from[key]) / seconds) * 10) / 10;
  return {
    requests: perSecond("requests"),
    heads: perSecond("heads"),
    errors: perSecond("serverErrors"),
    ...toLatency(from, to),
  };
}

function toLastMinute(from: Mark, to: Mark): LastMinute {
  return {
    seconds: Math.round((to.atMs - from.atMs) / 1000),
    requests: to.totals.requests - from.totals.requests,
    serverErrors: to.totals.serverErrors - from.totals.serverErrors,
    ...toLatency(from.totals, to.totals),
  };
}

function toLatency(from: Aggregate, to: Aggregate): Pick<TimeSeriesPoint, "p50Ms" | "p99Ms"> {
  const durations = to.durations.map((count, index) => count - (from.durations[index] ?? 0));
  return {
    p50Ms: toMs(quantile(0.5, to.bounds, durations)),
    p99Ms: toMs(quantile(0.99, to.bounds, durations)),
  };
}

/** Converts seconds to milliseconds, rounded to microseconds. */
export function toMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * 1_000_000) / 1000;
}
