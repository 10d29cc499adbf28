/**
 * What has been counted since the start, as plain numbers.
 *
 * A label object per increment, as prom-client takes it, costs more than all the rest of an exchange's end; here it is a
 * few Map lookups and additions. metrics.ts hands the numbers to prom-client when it is scraped.
 */

import type { ErrorCode } from "../../http/errors.ts";
import { HEAD_OUTCOMES, HEAD_OUTCOME_NAMES, type HeadOutcome } from "../../http/head-outcomes.ts";
import type { BodyOutcome, Exchange } from "../../http/exchange.ts";
import { addTo, createHistogram, type Histogram } from "./histogram.ts";

/** The `head` label: what was done with a HEAD; "none" for every other method. */
export type HeadLabel = HeadOutcome | "none";

const NO_REQUESTS = Object.fromEntries(
  ["none", ...HEAD_OUTCOME_NAMES].map((label) => [label, 0]),
) as Readonly<Record<HeadLabel, number>>;

export interface MethodCounters {
  readonly duration: Histogram;
  /** By status, then by what was done with a HEAD. Status 0: no answer was sent and nothing says why. */
  readonly requests: Map<number, Record<HeadLabel, number>>;
}

export interface RouteCounters {
  readonly methods: Map<string, MethodCounters>;
  readonly bodies: Record<BodyOutcome, number>;
  rescued: number;
  /** HEADs that went up as they were in mode observe, and were refused. */
  rescuable: number;
  clientAborts: number;
}

export interface UpstreamCounters {
  readonly response: Histogram;
  readonly errors: Map<ErrorCode, number>;
  /** When it last answered, by the exchanges' clock. */
  respondedMs: number | undefined;
  lastError: UpstreamError | undefined;
}

/** `title` is headgate's own text for the code; the cause, which may say more than a page should, is in the log. */
export interface UpstreamError {
  readonly code: ErrorCode;
  readonly title: string;
  readonly atMs: number;
}

/** Everything is keyed by name, not by configuration object, so that counters go on through a reload. */
export interface Counters {
  readonly routes: Map<string, RouteCounters>;
  readonly upstreams: Map<string, UpstreamCounters>;
  readonly overhead: Histogram;
  retries: number;
  drainedBytes: number;
  sparedBytes: number;
}

/** The route and upstream of a request that was refused before it was matched. */
const UNMATCHED = "none";
/** Under this key each method counts the responses whose status has no class (600 to 999). */
export const OTHER_CODE = 600;

/** RFC 9110 §9.3 and PATCH (RFC 5789). A client may invent methods; each of them would be a series for ever. */
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

/** OpenTelemetry's for http.server.request.duration, and two below: a sidecar's answers are often faster than 5 ms. */
const DURATION_BOUNDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];

/** headgate's own share is tens of microseconds; the upper end shows a stalled event loop or a queue for connections. */
const OVERHEAD_BOUNDS = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1, 5,
];

export function createCounters(): Counters {
  return {
    routes: new Map(),
    upstreams: new Map(),
    overhead: createHistogram(OVERHEAD_BOUNDS),
    retries: 0,
    drainedBytes: 0,
    sparedBytes: 0,
  };
}

/**
 * The status that logs and metrics show: the one that was sent, else the error's (499 for a client that left before an
 * answer), else 0. It has three digits (RFC 9112 §4).
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
  // RFC 9110 §15 has five classes of statuses. The others count together, so that an upstream cannot invent series.
  const code = Math.min(toStatus(exchange), OTHER_CODE);
  let requests = method.requests.get(code);
  if (requests === undefined) {
    requests = { ...NO_REQUESTS };
    method.requests.set(code, requests);
  }
  requests[exchange.head ?? "none"] += 1;
  // A tunnel lives for hours by design; as a duration it would read as an outage.
  if (exchange.endedMs === undefined || exchange.tunnel) return;
  addTo(method.duration, (exchange.endedMs - exchange.startedMs) / 1000);
}

function countHead(route: RouteCounters, exchange: Exchange): void {
  if (exchange.body !== undefined) route.bodies[exchange.body] += 1;
  // Before the GET's answer nobody knows whether a HEAD would have been refused, and to ask would double the requests.
  // On a backend that serves GET only, which is what headgate is put in front of, each of these was a 405.
  if (isThroughGet(exchange) && exchange.status >= 200 && exchange.status < 400) route.rescued += 1;
  if (exchange.head === "observe" && exchange.route?.head.fallbackOn.includes(exchange.status))
    route.rescuable += 1;
}

// A shared answer came through a GET where the route knows nothing else.
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
 * The two durations that can be told apart honestly.
 *
 * Until `sentMs` the time is headgate's: parsing, routing, the queue for a connection, and connecting when none was idle.
 * From `sentMs` to `respondedMs` it is the upstream's. What follows is paced by whoever reads or writes slower, so a
 * download or an event stream would count as overhead by the hour: it is left to request_duration_seconds. After a retry
 * `sentMs` is the second attempt's, and the first one's wait for the upstream must not be blamed on headgate.
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
