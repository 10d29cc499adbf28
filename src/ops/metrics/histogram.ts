/** A histogram as plain numbers. prom-client's own costs about a microsecond per value. */

/** Values counted in buckets. */
export interface Histogram {
  /** Upper bounds, inclusive, in ascending order. The last element of `counts` is for values above the last bound. */
  readonly bounds: readonly number[];
  /** Not cumulative: each value increments one element. `toSamples` adds them up. */
  readonly counts: number[];
  sum: number;
  count: number;
}

/** Creates an empty histogram. */
export function createHistogram(bounds: readonly number[]): Histogram {
  return { bounds, counts: [...bounds.map(() => 0), 0], sum: 0, count: 0 };
}

/** Adds one value. It ignores NaN and negative values, because one of them would make the sum wrong for ever. */
export function addTo(histogram: Histogram, value: number): void {
  if (!(value >= 0)) return;
  let index = 0;
  // A linear search is fast, because nearly all values are in the first few buckets.
  for (const bound of histogram.bounds) {
    if (value <= bound) break;
    index += 1;
  }
  histogram.counts[index] = (histogram.counts[index] ?? 0) + 1;
  histogram.sum += value;
  histogram.count += 1;
}
