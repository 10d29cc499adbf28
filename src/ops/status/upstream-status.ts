/** The upstreams' part of the report. */

import type { MetricSources } from "../metrics/families.ts";
import type { AddressStatus } from "../../upstream/address-book.ts";
import { toMs } from "./time-series.ts";
import { quantile } from "./aggregate.ts";
import type { Counters, UpstreamCounters } from "../metrics/counters.ts";

export interface UpstreamStatus {
  readonly name: string;
  /** By its last exchange; headgate does not probe. */
  readonly state: "unused" | "up" | "failing";
  /** As the route file has it; undefined where nothing is known of it. */
  readonly url: string | undefined;
  /** What it resolves to, as far as it is known. */
  readonly addresses: readonly {
    readonly address: string;
    readonly connections: number;
    /** Of connection attempts only. */
    readonly lastError: { readonly at: string; readonly code: string } | undefined;
  }[];
  readonly connections: Readonly<Record<string, number>>;
  readonly answers: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly lastError:
    | { readonly at: string; readonly code: string; readonly title: string }
    | undefined;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

/** Where an upstream is. */
export interface UpstreamEndpoint {
  readonly url: string;
  /** Of each address with its port. */
  readonly addresses: readonly AddressStatus[];
}

export interface UpstreamSources {
  readonly counters: Counters;
  readonly gauges: Pick<MetricSources, "upstreamConnections">;
  /** By the names of upstreams. */
  readonly endpoints: ReadonlyMap<string, UpstreamEndpoint>;
}

/** The configured upstreams. `offsetMs` is what the wall clock is ahead of the exchanges' clock. */
export function toUpstreams(
  { counters, gauges, endpoints }: UpstreamSources,
  offsetMs: number,
): UpstreamStatus[] {
  const connections = new Map<string, Record<string, number>>();
  for (const { upstream, state, count } of gauges.upstreamConnections()) {
    connections.set(upstream, { ...connections.get(upstream), [state]: count });
  }
  const toIso = (atMs: number): string => new Date(atMs + offsetMs).toISOString();
  return [...connections].map(([name, byState]) => {
    const endpoint = endpoints.get(name);
    const counts = counters.upstreams.get(name);
    const { bounds = [], counts: sizes = [], count = 0 } = counts?.response ?? {};
    const lastError = counts?.lastError;
    return {
      name,
      state: toState(counts),
      url: endpoint?.url,
      addresses: (endpoint?.addresses ?? []).map(
        ({ address, connections: open, lastError: error }) => ({
          address,
          connections: open,
          lastError: error && { at: toIso(error.atMs), code: error.code },
        }),
      ),
      connections: byState,
      answers: count,
      errors: Object.fromEntries(counts?.errors ?? []),
      lastError: lastError && {
        at: toIso(lastError.atMs),
        code: lastError.code,
        title: lastError.title,
      },
      p50Ms: toMs(quantile(0.5, bounds, sizes)),
      p99Ms: toMs(quantile(0.99, bounds, sizes)),
    };
  });
}

function toState(upstream: UpstreamCounters | undefined): UpstreamStatus["state"] {
  const { respondedMs, lastError } = upstream ?? {};
  if (lastError === undefined) return respondedMs === undefined ? "unused" : "up";
  return respondedMs === undefined || lastError.atMs >= respondedMs ? "failing" : "up";
}
