/** The upstreams' part of the status snapshot. */

import type { MetricSources } from "../metrics/families.ts";
import type { AddressStatus } from "../../upstream/address-book.ts";
import { toMs } from "./time-series.ts";
import { quantile } from "./aggregate.ts";
import type { Counters, UpstreamCounters } from "../metrics/counters.ts";

/** One upstream in `/status.json`. */
export interface UpstreamStatus {
  readonly name: string;
  /** The result of its last exchange. headgate sends no probes. */
  readonly state: "unused" | "up" | "failing";
  /** As in the route file; undefined if the snapshot has no endpoint for it. */
  readonly url: string | undefined;
  /** The addresses that it resolves to; empty before the first lookup. */
  readonly addresses: readonly {
    readonly address: string;
    readonly connections: number;
    /** The last error of a connection attempt. Other errors are not included. */
    readonly lastError: { readonly at: string; readonly code: string } | undefined;
  }[];
  readonly connections: Readonly<Record<string, number>>;
  /** The number of responses. The name is a key of `/status.json`. */
  readonly answers: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly lastError:
    | { readonly at: string; readonly code: string; readonly title: string }
    | undefined;
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

/** An upstream's URL and the addresses that it resolves to. */
export interface UpstreamEndpoint {
  readonly url: string;
  /** Each address is `host:port`, or the URL of a Unix socket. */
  readonly addresses: readonly AddressStatus[];
}

/** Where the upstreams' status comes from. */
export interface UpstreamSources {
  readonly counters: Counters;
  readonly gauges: Pick<MetricSources, "upstreamConnections">;
  /** Keyed by the upstream's name. */
  readonly endpoints: ReadonlyMap<string, UpstreamEndpoint>;
}

/** Returns the configured upstreams. `offsetMs` is the wall clock minus the exchanges' clock, in milliseconds. */
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
