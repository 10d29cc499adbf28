/** The content of `/status.json` and of the status page: counters, the last exchanges and the current state. */

import type { ListenerCertificate } from "../../config/certificates.ts";
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

/** The configuration in use, and the result of the last reload. Times are milliseconds since the epoch. */
export interface ConfigurationState {
  /** The route file's path as the operator gave it; undefined without a file. */
  readonly file: string | undefined;
  /** SHA-256 of the file, in hexadecimal. */
  readonly hash: string | undefined;
  readonly loadedAtMs: number;
  /** The certificates of the listeners. */
  readonly certificates: readonly ListenerCertificate[];
  /** In the file's order, then the default route. */
  readonly routes: readonly Pick<RouteConfig, "name" | "upstream" | "head">[];
  /** Undefined before the first reload. No errors means that it succeeded. The errors are masked (config/masked.ts). */
  readonly lastReload: { readonly atMs: number; readonly errors: readonly string[] } | undefined;
}

/** Where a snapshot's values come from. Each snapshot calls the functions again. */
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

/** One moment on both clocks, in milliseconds: `nowMs` since the epoch, `clockMs` on the monotonic clock of the exchanges. */
export interface Moment {
  readonly nowMs: number;
  readonly clockMs: number;
}

/**
 * The status at one moment; its members are the keys of `/status.json`.
 *
 * It has no query strings, no field values and no client addresses, because other people than the operator may be able to connect to
 * the port. It has upstream addresses, because without them the operator cannot see which of several backends fails.
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
    readonly certificates: readonly {
      readonly listen: string;
      readonly names: readonly string[];
      readonly notAfter: string;
    }[];
    readonly lastReload:
      | {
          readonly at: string;
          readonly result: "success" | "failure";
          /** The first errors; `errorCount` counts all errors that headgate found. */
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
    /** The number of HEADs per outcome: `convert`, `pass`, … */
    readonly outcomes: Readonly<Record<string, number>>;
    /** What became of the bodies of HEAD responses: `none`, `drained`, `aborted`. */
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

/** The maximum of errors of a failed reload that are shown. The log has all of them. */
const MAX_ERRORS = 5;

/** Takes a snapshot. It costs about as much as a scrape, so call it per reader, not per exchange. */
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

/** The data of one event: the status page gets it each second. */
export interface Frame extends StatusSnapshot {
  /** The number of all routes; `routes` has the busiest of them. */
  readonly routeCount: number;
  /** The time series, the oldest point first. */
  readonly points: readonly TimeSeriesPoint[];
  readonly lastMinute: LastMinute;
}

/** The maximum of routes on the page. Without it, a frame would grow with the route file. */
const MAX_ROUTES = 100;

/** Returns a frame as JSON on one line. */
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
  const { file, hash, loadedAtMs, certificates, lastReload } = state;
  return {
    file,
    sha256: hash,
    loadedAt: toIso(loadedAtMs),
    certificates: certificates.map(({ listen, names, notAfterMs }) => ({
      listen,
      names,
      notAfter: toIso(notAfterMs),
    })),
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
