/** The upstreams' part of the report. */

import type { MetricSources } from "../metrics/families.ts";
import { toMs } from "./time-series.ts";
import { quantile } from "./aggregate.ts";
import type { Counters, UpstreamCounters } from "../metrics/counters.ts";

export interface UpstreamStatus {
  readonly name: string;
  /** By its last exchange; headgate does not probe. */
  readonly state: "unused" | "up" | "failing";
  readonly connections: Readonly<Record<string, number>>;
  readonly answers: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly lastError:
    | { readonly at: string; readonly code: string; readonly title: string }
    | undefined;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

/** The configured upstreams. `offsetMs` is what the wall clock is ahead of the exchanges' clock. */
export function toUpstreams(
  tally: Counters,
  gauges: Pick<MetricSources, "upstreamConnections">,
  offsetMs: number,
): UpstreamStatus[] {
  const connections = new Map<string, Record<string, number>>();
  for (const { upstream, state, count } of gauges.upstreamConnections()) {
    connections.set(upstream, { ...connections.get(upstream), [state]: count });
  }
  return [...connections].map(([name, byState]) => {
    const counts = tally.upstreams.get(name);
    const { bounds = [], counts: sizes = [], count = 0 } = counts?.response ?? {};
    const lastError = counts?.lastError;
    return {
      name,
      state: toState(counts),
      connections: byState,
      answers: count,
      errors: Object.fromEntries(counts?.errors ?? []),
      lastError: lastError && {
        at: new Date(lastError.atMs + offsetMs).toISOString(),
        code: lastError.code,
        title: lastError.title,
      },
      p50Ms: toMs(quantile(0.5, bounds, sizes)),
      p99Ms: toMs(quantile(0.99, bounds, sizes)),
    };
  });
}

function toState(tally: UpstreamCounters | undefined): UpstreamStatus["state"] {
  const { respondedMs, lastError } = tally ?? {};
  if (lastError === undefined) return respondedMs === undefined ? "unused" : "up";
  return respondedMs === undefined || lastError.atMs >= respondedMs ? "failing" : "up";
}
