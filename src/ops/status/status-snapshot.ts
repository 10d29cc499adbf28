/** What `/status.json` and the status page show: the tally, the last exchanges and the state of things, as one report. */

import type { RouteConfig } from "../../config/types.ts";
import type { BodyOutcome } from "../../http/exchange.ts";
import type { Build, MetricSources } from "../metrics/families.ts";
import { type Health, toHealth } from "./health.ts";
import type { ReadinessState } from "../readiness.ts";
import type { RecentExchange, Recent } from "./recent.ts";
import { toCounts, toRoutes, type Counts, type RouteStatus } from "./route-status.ts";
import type { LastMinute, TimeSeriesPoint, TimeSeries } from "./time-series.ts";
import { aggregate, type Aggregate } from "./aggregate.ts";
import type { Counters } from "../metrics/counters.ts";
import { toUpstreams, type UpstreamEndpoint, type UpstreamStatus } from "./upstream-status.ts";

/** The configuration in use, and how the last attempt to change it went. Times are the wall clock's. */
export interface ConfigurationState {
  /** As it was given; undefined without a file. */
  readonly file: string | undefined;
  readonly hash: string | undefined;
  readonly loadedAtMs: number;
  /** With the default route, in the file's order. */
  readonly routes: readonly Pick<RouteConfig, "name" | "upstream" | "head">[];
  /** Undefined until there was one; without errors it succeeded. They are masked (config/masked.ts). */
  readonly lastReload: { readonly atMs: number; readonly errors: readonly string[] } | undefined;
}

/** Where the report comes from. Everything is asked anew for each one. */
export interface StatusSources {
  readonly build: Build;
  readonly startedAtMs: number;
  readonly counters: Counters;
  readonly recent: Recent;
  readonly gauges: MetricSources;
  readonly state: () => ReadinessState;
  readonly configuration: () => ConfigurationState;
  readonly endpoints: () => ReadonlyMap<string, UpstreamEndpoint>;
}

/** Both clocks at one moment: the wall's, and the monotonic one that exchanges are timed by. */
export interface Moment {
  readonly nowMs: number;
  readonly clockMs: number;
}

/**
 * No query strings, no field values, no addresses of clients: the port may be reachable by more than the operator. Those of upstreams
 * are shown: without them nobody can tell which of several backends fails.
 */
export interface StatusSnapshot {
  readonly version: string;
  readonly node: string;
  readonly state: ReadinessState;
  readonly health: Health;
  readonly now: string;
  readonly startedAt: string;
  readonly uptimeSeconds: number;
  readonly configuration: {
    readonly file: string | undefined;
    readonly sha256: string | undefined;
    readonly loadedAt: string;
    readonly lastReload:
      | {
          readonly at: string;
          readonly result: "success" | "failure";
          /** The first ones; `errorCount` is of all that were looked at. */
          readonly errors: readonly string[];
          readonly errorCount: number;
        }
      | undefined;
  };
  readonly requestsInFlight: number;
  readonly clientConnections: number;
  readonly tunnels: number;
  readonly droppedLogLines: number;
  readonly totals: Counts & { readonly retries: number };
  readonly heads: {
    /** How they were answered: `convert`, `pass`, … */
    readonly outcomes: Readonly<Record<string, number>>;
    /** What became of the bodies nobody saw: `none`, `drained`, `aborted`. */
    readonly bodies: Readonly<Record<string, number>>;
    readonly rescued: number;
    readonly drainedBytes: number;
    readonly sparedBytes: number;
  };
  readonly routes: readonly RouteStatus[];
  readonly upstreams: readonly UpstreamStatus[];
  readonly lastHeads: readonly RecentExchange[];
  readonly lastErrors: readonly RecentExchange[];
}

/** Errors of a failed reload that are shown; the log has them all. */
const MAX_ERRORS = 5;

/** Takes stock. Costs about as much as a scrape: for whoever looks, not for each exchange. */
export function toStatusSnapshot(
  sources: StatusSources,
  { nowMs, clockMs }: Moment,
): StatusSnapshot {
  const { build, counters, recent, gauges, startedAtMs } = sources;
  const configuration = sources.configuration();
  const total = aggregate(counters.routes.values());
  const endpoints = sources.endpoints();
  const upstreams = toUpstreams({ counters, gauges, endpoints }, nowMs - clockMs);
  const state = sources.state();
  const { lastReload } = configuration;
  const failedReload =
    lastReload === undefined || lastReload.errors.length === 0
      ? undefined
      : { at: toIso(lastReload.atMs), errors: lastReload.errors };
  return {
    version: build.version,
    node: build.node,
    state,
    health: toHealth({ state, upstreams, failedReload }),
    now: toIso(nowMs),
    startedAt: toIso(startedAtMs),
    uptimeSeconds: Math.round((nowMs - startedAtMs) / 1000),
    configuration: toConfiguration(configuration),
    requestsInFlight: gauges.requestsInFlight(),
    clientConnections: gauges.clientConnections(),
    tunnels: gauges.tunnels(),
    droppedLogLines: gauges.droppedLogLines(),
    totals: { ...toCounts(total), retries: counters.retries },
    heads: toHeads(counters, total),
    routes: toRoutes(configuration.routes, counters.routes),
    upstreams,
    lastHeads: recent.heads(),
    lastErrors: recent.errors(),
  };
}

/** What the status page gets each second. */
export interface Frame extends StatusSnapshot {
  /** Of all routes; `routes` has the busiest of them. */
  readonly routeCount: number;
  /** The oldest first. */
  readonly points: readonly TimeSeriesPoint[];
  readonly lastMinute: LastMinute;
}

/** Routes that the page shows; more would make each second's frame as long as the file. */
const MAX_ROUTES = 100;

/** A frame as JSON on one line. */
export function toFrame(
  snapshot: StatusSnapshot,
  series: Pick<TimeSeries, "points" | "lastMinute">,
): string {
  const { routes } = snapshot;
  const shown =
    routes.length <= MAX_ROUTES
      ? routes
      : routes.toSorted((a, b) => b.requests - a.requests).slice(0, MAX_ROUTES);
  const frame: Frame = {
    ...snapshot,
    routes: shown,
    routeCount: routes.length,
    points: series.points(),
    lastMinute: series.lastMinute(),
  };
  return JSON.stringify(frame);
}

function toConfiguration(state: ConfigurationState): StatusSnapshot["configuration"] {
  const { file, hash, loadedAtMs, lastReload } = state;
  return {
    file,
    sha256: hash,
    loadedAt: toIso(loadedAtMs),
    lastReload: lastReload && {
      at: toIso(lastReload.atMs),
      result: lastReload.errors.length === 0 ? "success" : "failure",
      errors: lastReload.errors.slice(0, MAX_ERRORS),
      errorCount: lastReload.errors.length,
    },
  };
}

function toHeads(counters: Counters, { rescued }: Aggregate): StatusSnapshot["heads"] {
  const outcomes: Record<string, number> = {};
  const bodies: Partial<Record<BodyOutcome, number>> = {};
  for (const route of counters.routes.values()) {
    addAll(bodies, route.bodies);
    for (const byHead of route.methods.get("HEAD")?.requests.values() ?? [])
      addAll(outcomes, byHead);
  }
  const { drainedBytes, sparedBytes } = counters;
  return { outcomes, bodies, rescued, drainedBytes, sparedBytes };
}

function addAll(sums: Record<string, number>, counts: Readonly<Record<string, number>>): void {
  for (const [key, count] of Object.entries(counts)) sums[key] = (sums[key] ?? 0) + count;
}

function toIso(atMs: number): string {
  return new Date(atMs).toISOString();
}
