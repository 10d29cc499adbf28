/** Metric families and their samples, independent of the library that formats them. */

import type { Histogram } from "./histogram.ts";

/** One value of a family, with its labels. */
export interface Sample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  /** The name if it differs from the family's: `…_bucket`, `…_sum`, `…_count`. */
  readonly metricName?: string;
}

/** A metric with all its label values. */
export interface Family {
  /** With the prefix `headgate_`. */
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** Returns the current samples. Each scrape calls it. */
  readonly samples: () => Sample[];
}

/** Creates a counter: a value that only grows. `name` is without the prefix `headgate_`. */
export function counter(name: string, help: string, samples: () => Sample[]): Family {
  return { name: `headgate_${name}`, help, type: "counter", samples };
}

/** Creates a gauge: a value that rises and falls. `name` is without the prefix `headgate_`. */
export function gauge(name: string, help: string, samples: () => Sample[]): Family {
  return { name: `headgate_${name}`, help, type: "gauge", samples };
}

/** Creates a histogram. `name` is without the prefix; `samples` gets the full name for the names of buckets, sum and count. */
export function histogram(name: string, help: string, samples: (name: string) => Sample[]): Family {
  const fullName = `headgate_${name}`;
  return { name: fullName, help, type: "histogram", samples: () => samples(fullName) };
}

/** Returns the only sample of a family without labels. */
export function single(value: number): Sample[] {
  return [{ labels: {}, value }];
}

/** Returns a histogram's samples in Prometheus' form: cumulative buckets, sum and count. */
export function toSamples(
  name: string,
  labels: Sample["labels"],
  { bounds, counts, sum, count }: Histogram,
): Sample[] {
  let cumulative = 0;
  const buckets = bounds.map((bound, index) => {
    cumulative += counts[index] ?? 0;
    return { metricName: `${name}_bucket`, labels: { ...labels, le: bound }, value: cumulative };
  });
  return [
    ...buckets,
    { metricName: `${name}_bucket`, labels: { ...labels, le: "+Inf" }, value: count },
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
