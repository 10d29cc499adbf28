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

test("a sum holds what the routes hold", () => {
  const metrics = quietMetrics();
  metrics.observe(finishedExchange());
  metrics.observe(finishedExchange({ method: "HEAD", head: "convert", status: 200 }));
  metrics.observe(finishedExchange({ method: "HEAD", head: "pass", status: 404 }));
  metrics.observe(finishedExchange({ status: 503 }));
  const { durations, bounds, ...counts } = aggregate(metrics.tally.routes.values());
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

test("a point holds what came since the last one, per second", () => {
  const metrics = quietMetrics();
  const series = createTimeSeries(metrics.tally, 0);
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

test("three minutes are kept", () => {
  const series = createTimeSeries(quietMetrics().tally, 0);
  for (let second = 1; second <= 500; second += 1) series.sample(second * 1000);
  assert.equal(series.points().length, 180);
});
