/** What a metric is before any library formats it. */

import type { Histogram } from "./histogram.ts";

export interface Sample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  /** Where it is not the family's own: `…_bucket`, `…_sum`, `…_count`. */
  readonly metricName?: string;
}

export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** The current samples; asked for at every scrape. */
  readonly samples: () => Sample[];
}

/** A count that only grows; `name` comes without the prefix, as in all of these. */
export function counter(name: string, help: string, samples: () => Sample[]): Family {
  return { name: `headgate_${name}`, help, type: "counter", samples };
}

/** A value that rises and falls. */
export function gauge(name: string, help: string, samples: () => Sample[]): Family {
  return { name: `headgate_${name}`, help, type: "gauge", samples };
}

/** Values counted by size; `samples` gets the full name, which its buckets' names begin with. */
export function histogram(name: string, help: string, samples: (name: string) => Sample[]): Family {
  const fullName = `headgate_${name}`;
  return { name: fullName, help, type: "histogram", samples: () => samples(fullName) };
}

/** The one sample of a family without labels. */
export function single(value: number): Sample[] {
  return [{ labels: {}, value }];
}

/** A histogram as Prometheus shows it: cumulative buckets, sum and count. */
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
