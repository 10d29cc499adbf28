/**
 * The counters since the start, as plain numbers.
 *
 * prom-client needs a label object per increment, which costs more than everything else at the end of an exchange. Here an increment
 * is a few Map lookups and additions. families.ts turns the numbers into prom-client's samples at each scrape.
 */

import type { ErrorCode } from "../../http/errors.ts";
import { HEAD_OUTCOMES, HEAD_OUTCOME_NAMES, type HeadOutcome } from "../../http/head-outcomes.ts";
import type { BodyOutcome, Exchange } from "../../http/exchange.ts";
import type { MisuseKind, OpeningStage } from "../../server/server-handler.ts";
import { addTo, createHistogram, type Histogram } from "./histogram.ts";

/** The `head` label: the outcome of a HEAD; "none" for every other method. */
export type HeadLabel = HeadOutcome | "none";

const NO_REQUESTS = Object.fromEntries(
  ["none", ...HEAD_OUTCOME_NAMES].map((label) => [label, 0]),
) as Readonly<Record<HeadLabel, number>>;

/** Counts of one method on one route. */
export interface MethodCounters {
  /** In seconds. Tunnels are left out. */
  readonly duration: Histogram;
  /** By status, then by the `head` label. Status 0: headgate sent no response, and no error gives a status. */
  readonly requests: Map<number, Record<HeadLabel, number>>;
}

/** Counts of one route. */
export interface RouteCounters {
  readonly methods: Map<string, MethodCounters>;
  /** What became of the bodies of HEAD responses. */
  readonly bodies: Record<BodyOutcome, number>;
  /** HEADs that got a 2xx or 3xx through a GET. */
  rescued: number;
  /** HEADs that mode observe forwarded unchanged, and that the upstream refused. */
  rescuable: number;
  /** Exchanges whose client left before the end. */
  clientAborts: number;
}

/** Counts of one upstream. */
export interface UpstreamCounters {
  /** From sending a request to the response's header section, in seconds. */
  readonly response: Histogram;
  readonly errors: Map<ErrorCode, number>;
  /** The time of its last response, in milliseconds of the exchanges' (monotonic) clock. */
  respondedMs: number | undefined;
  lastError: UpstreamError | undefined;
}

/**
 * An upstream's last error. `title` is headgate's own text for the code. The cause is only in the log, because it may contain details
 * that the status page must not show. `atMs` is a time of the exchanges' clock.
 */
export interface UpstreamError {
  readonly code: ErrorCode;
  readonly title: string;
  readonly atMs: number;
}

/** All counters of the process. The keys are names, not configuration objects, so that counters continue after a reload. */
export interface Counters {
  readonly routes: Map<string, RouteCounters>;
  readonly upstreams: Map<string, UpstreamCounters>;
  /** The time in seconds from the start of an exchange until headgate sends its request upstream. */
  readonly overhead: Histogram;
  retries: number;
  /** Client connections that failed before HTTP began, by what was to come. */
  readonly unopened: Record<OpeningStage, number>;
  /** HTTP/2 connections that headgate closed because of what their clients sent. */
  readonly misuse: Record<MisuseKind, number>;
  /** Bytes of HEAD responses' bodies that headgate read and dropped. */
  drainedBytes: number;
  /** Bytes of HEAD responses' bodies that were announced and never fetched. */
  sparedBytes: number;
}

/** The route and upstream of a request that was refused before it was matched. */
const UNMATCHED = "none";
/** The key for all statuses without a class (600 to 999). */
export const OTHER_CODE = 600;

/** RFC 9110 §9.3 and PATCH (RFC 5789). All other methods count as "other", so that clients cannot create time series without limit. */
const METHODS: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
  "TRACE",
  "CONNECT",
]);

/** OpenTelemetry's buckets for http.server.request.duration and two smaller ones, because a sidecar often responds in less than 5 ms. */
const DURATION_BOUNDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];

/** headgate's overhead is tens of microseconds. The upper buckets show a stalled event loop or a queue for connections. */
const OVERHEAD_BOUNDS = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1, 5,
];

/** Creates counters at zero. */
export function createCounters(): Counters {
  return {
    routes: new Map(),
    upstreams: new Map(),
    overhead: createHistogram(OVERHEAD_BOUNDS),
    retries: 0,
    unopened: { proxy_protocol: 0, tls: 0, http2: 0 },
    misuse: {
      resets: 0,
      pings: 0,
      settings: 0,
      continuations: 0,
      invalid_frames: 0,
      protocol: 0,
    },
    drainedBytes: 0,
    sparedBytes: 0,
  };
}

/**
 * The status that logs and metrics show: the sent status, else the error's (499 if the client left before a response), else 0.
 * A status has three digits (RFC 9112 §4).
 */
export function toStatus(exchange: Exchange): number {
  if (isStatus(exchange.status)) return exchange.status;
  const status = exchange.error?.status ?? 0;
  return isStatus(status) ? status : 0;
}

function isStatus(status: number): boolean {
  return Number.isInteger(status) && status >= 100 && status <= 999;
}

/** Counts one finished exchange. */
export function addExchange(counters: Counters, exchange: Exchange): void {
  const route = routeCounters(counters, exchange.route?.name ?? UNMATCHED);
  countRequest(route, exchange);
  if (exchange.head !== undefined) countHead(route, exchange);
  if (exchange.error !== undefined) countError(counters, route, exchange);
  if (exchange.sentMs !== undefined) countUpstream(counters, exchange.sentMs, exchange);
  counters.retries += exchange.retries;
  counters.drainedBytes += exchange.bytesDrained;
  counters.sparedBytes += exchange.bytesSpared;
}

function countRequest(route: RouteCounters, exchange: Exchange): void {
  const method = methodCounters(route, METHODS.has(exchange.method) ? exchange.method : "other");
  // RFC 9110 §15 defines five classes of statuses. All others share one key, so that an upstream cannot create time series without limit.
  const code = Math.min(toStatus(exchange), OTHER_CODE);
  let requests = method.requests.get(code);
  if (requests === undefined) {
    requests = { ...NO_REQUESTS };
    method.requests.set(code, requests);
  }
  requests[exchange.head ?? "none"] += 1;
  // A tunnel may live for hours. As a duration it would look like an outage.
  if (exchange.endedMs === undefined || exchange.tunnel) return;
  addTo(method.duration, (exchange.endedMs - exchange.startedMs) / 1000);
}

function countHead(route: RouteCounters, exchange: Exchange): void {
  if (exchange.body !== undefined) route.bodies[exchange.body] += 1;
  // headgate cannot know whether the upstream would have refused the HEAD, and a test would double the requests.
  // A backend that serves GET only, which is what headgate is for, would have responded to each of these with 405.
  if (isThroughGet(exchange) && exchange.status >= 200 && exchange.status < 400) route.rescued += 1;
  if (exchange.head === "observe" && exchange.route?.head.fallbackOn.includes(exchange.status))
    route.rescuable += 1;
}

// A shared response certainly came through a GET only if the route converts every HEAD.
function isThroughGet({ head, route }: Exchange): boolean {
  if (head === "shared") return route?.head.mode === "convert";
  return head !== undefined && HEAD_OUTCOMES[head].isByGet;
}

function countError(counters: Counters, route: RouteCounters, exchange: Exchange): void {
  const error = exchange.error;
  if (error?.code === "client_gone") route.clientAborts += 1;
  if (error === undefined || error.fault === "client") return;
  const upstream = upstreamCounters(counters, exchange.route?.upstream ?? UNMATCHED);
  upstream.errors.set(error.code, (upstream.errors.get(error.code) ?? 0) + 1);
  const atMs = exchange.endedMs ?? exchange.startedMs;
  upstream.lastError = { code: error.code, title: error.message, atMs };
}

/**
 * Counts headgate's time and the upstream's time.
 *
 * The time until `sentMs` is headgate's: parsing, routing, waiting for a connection, and connecting if none was idle. The time from
 * `sentMs` to `respondedMs` is the upstream's. The time after that depends on the slower of client and upstream: hours for a download
 * or an event stream. Only request_duration_seconds includes it. After a retry, `sentMs` belongs to the second attempt. Overhead is
 * then not counted, because the time until `sentMs` includes the first attempt's wait for the upstream.
 */
function countUpstream(counters: Counters, sentMs: number, exchange: Exchange): void {
  if (exchange.retries === 0) addTo(counters.overhead, (sentMs - exchange.startedMs) / 1000);
  if (exchange.respondedMs === undefined) return;
  const upstream = upstreamCounters(counters, exchange.route?.upstream ?? UNMATCHED);
  upstream.respondedMs = exchange.respondedMs;
  addTo(upstream.response, (exchange.respondedMs - sentMs) / 1000);
}

function routeCounters(counters: Counters, name: string): RouteCounters {
  const known = counters.routes.get(name);
  if (known !== undefined) return known;
  const route: RouteCounters = {
    methods: new Map(),
    bodies: { none: 0, drained: 0, aborted: 0 },
    rescued: 0,
    rescuable: 0,
    clientAborts: 0,
  };
  counters.routes.set(name, route);
  return route;
}

function methodCounters(route: RouteCounters, name: string): MethodCounters {
  const known = route.methods.get(name);
  if (known !== undefined) return known;
  const method: MethodCounters = {
    duration: createHistogram(DURATION_BOUNDS),
    requests: new Map(),
  };
  route.methods.set(name, method);
  return method;
}

function upstreamCounters(counters: Counters, name: string): UpstreamCounters {
  const known = counters.upstreams.get(name);
  if (known !== undefined) return known;
  const upstream: UpstreamCounters = {
    response: createHistogram(DURATION_BOUNDS),
    errors: new Map(),
    respondedMs: undefined,
    lastError: undefined,
  };
  counters.upstreams.set(name, upstream);
  return upstream;
}
