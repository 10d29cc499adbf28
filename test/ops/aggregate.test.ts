import assert from "node:assert/strict";
import test from "node:test";

import { createTimeSeries } from "../../src/ops/status/time-series.ts";
import { quantile, aggregate } from "../../src/ops/status/aggregate.ts";
import { finishedExchange, quietMetrics } from "../support/exchange.ts";

const QUANTILES: readonly (readonly [number, readonly number[], number | undefined])[] = [
  [0.5, [0, 0, 0, 0], undefined],
  [0.5, [2, 0, 0, 0], 0.5],
  [0.5, [1, 1, 0, 0], 1],
  [0.75, [1, 1, 0, 0], 1.5],
  [0.99, [0, 0, 100, 0], 3.98],
  [0.99, [0, 0, 0, 7], 4],
];
for (const [q, counts, value] of QUANTILES) {
  test(`of the counts ${counts.join(" ")} the quantile ${q} is ${value}`, () => {
    const found = quantile(q, [1, 2, 4], counts);
    assert.equal(found?.toFixed(6), value?.toFixed(6));
  });
}

test("a sum has the counts of all routes", () => {
  const metrics = quietMetrics();
  metrics.observe(finishedExchange());
  metrics.observe(finishedExchange({ method: "HEAD", head: "convert", status: 200 }));
  metrics.observe(finishedExchange({ method: "HEAD", head: "pass", status: 404 }));
  metrics.observe(finishedExchange({ status: 503 }));
  const { durations, bounds, ...counts } = aggregate(metrics.counters.routes.values());
  assert.deepEqual(counts, {
    requests: 4,
    heads: 2,
    clientErrors: 1,
    serverErrors: 1,
    clientAborts: 0,
    rescued: 1,
  });
  assert.equal(
    durations.reduce((all, count) => all + count, 0),
    4,
  );
  assert.equal(durations.length, bounds.length + 1);
});

test("a point has the counts since the last point, per second", () => {
  const metrics = quietMetrics();
  const series = createTimeSeries(metrics.counters, 0);
  for (let index = 0; index < 4; index += 1) metrics.observe(finishedExchange());
  metrics.observe(finishedExchange({ status: 500 }));
  series.sample(2000);
  series.sample(3000);
  const [first, second] = series.points();
  assert.deepEqual(first, { requests: 2.5, heads: 0, errors: 0.5, p50Ms: 3.75, p99Ms: 4.975 });
  assert.deepEqual(second, {
    requests: 0,
    heads: 0,
    errors: 0,
    p50Ms: undefined,
    p99Ms: undefined,
  });
});

test("three minutes of points are stored", () => {
  const series = createTimeSeries(quietMetrics().counters, 0);
  for (let second = 1; second <= 500; second += 1) series.sample(second * 1000);
  assert.equal(series.points().length, 180);
});

/*
 * Symptom: the page's p99 was the median of sixty p99s of one second each, without a note.
 * Root cause: only the points of single seconds were stored, and percentiles cannot be added up.
 * Fix: the totals of the last minute are stored, so that its percentiles are those of its requests; the page shows the length of that
 * period.
 */
test("the last minute has percentiles and a length of its own", () => {
  const metrics = quietMetrics();
  const series = createTimeSeries(metrics.counters, 0);
  const wait = (seconds: number, from: number): void => {
    for (let second = 1; second <= seconds; second += 1) series.sample((from + second) * 1000);
  };
  for (let index = 0; index < 99; index += 1) metrics.observe(finishedExchange());
  wait(10, 0);
  metrics.observe(finishedExchange({ status: 500, endedMs: 2000.25 }));
  wait(10, 10);
  const { p50Ms, p99Ms, ...counts } = series.lastMinute();
  assert.deepEqual(counts, { seconds: 20, requests: 100, serverErrors: 1 });
  assert.ok(p50Ms !== undefined && p50Ms < 5 && p99Ms !== undefined && p99Ms <= 5);
  // The requests of the first second are no longer part of it; the slow one is.
  wait(50, 20);
  const { seconds, requests, p50Ms: slow = 0 } = series.lastMinute();
  assert.deepEqual({ seconds, requests }, { seconds: 60, requests: 1 });
  assert.ok(slow > 750 && slow <= 1000);
  wait(60, 70);
  assert.deepEqual(series.lastMinute(), {
    seconds: 60,
    requests: 0,
    serverErrors: 0,
    p50Ms: undefined,
    p99Ms: undefined,
  });
});
