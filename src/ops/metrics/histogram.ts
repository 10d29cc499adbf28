/** Counts by size, as plain numbers: prom-client's own histogram costs about a microsecond for each value. */

export interface Histogram {
  /** Upper bounds in ascending order; what exceeds the last one is in `counts`' last place. */
  readonly bounds: readonly number[];
  /** Not cumulative: one increment a value. Readers add them up. */
  readonly counts: number[];
  sum: number;
  count: number;
}

export function createHistogram(bounds: readonly number[]): Histogram {
  return { bounds, counts: [...bounds.map(() => 0), 0], sum: 0, count: 0 };
}

/** Adds one value. NaN and negative values are left out, as one of them would spoil the sum for good. */
export function addTo(histogram: Histogram, value: number): void {
  if (!(value >= 0)) return;
  let index = 0;
  // A linear search: nearly all values fall into the first few buckets.
  for (const bound of histogram.bounds) {
    if (value <= bound) break;
    index += 1;
  }
  histogram.counts[index] = (histogram.counts[index] ?? 0) + 1;
  histogram.sum += value;
  histogram.count += 1;
}
