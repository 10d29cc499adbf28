/** All metrics of headgate: names, help, labels. Dashboards and alerts depend on them, so they are a contract with users. */

import {
  counter,
  gauge,
  histogram,
  single,
  toSamples,
  type Family,
  type Sample,
} from "./family.ts";
import { type MethodCounters, OTHER_CODE, type RouteCounters, type Counters } from "./counters.ts";

/** Current values of the process. Each scrape calls them, so they must be cheap and have no side effects. */
export interface MetricSources {
  readonly requestsInFlight: () => number;
  readonly clientConnections: () => number;
  readonly tunnels: () => number;
  /** `state` is "idle" or "active". */
  readonly upstreamConnections: () => Iterable<{
    readonly upstream: string;
    readonly state: string;
    readonly count: number;
  }>;
  readonly droppedLogLines: () => number;
  /** The certificates of the listeners. */
  readonly certificates: () => Iterable<{
    readonly listen: string;
    readonly names: readonly string[];
    readonly notAfterMs: number;
  }>;
}

/** Counts of reloads and the result of the last load. The load at the start counts as successful. */
export interface Reloads {
  success: number;
  failure: number;
  lastSuccessful: boolean;
  /** In seconds since the epoch. */
  lastSuccessSeconds: number;
}

/** Versions of headgate and of Node, for example `v22.11.0`. */
export interface Build {
  readonly version: string;
  readonly node: string;
}

/** Where the samples of all families come from. */
export interface FamilySources {
  readonly counters: Counters;
  readonly sources: MetricSources;
  readonly reloads: Reloads;
  readonly build: Build;
}

/** Returns headgate's own families in the order of the endpoint's text. */
export function toFamilies({ counters, sources, reloads, build }: FamilySources): Family[] {
  return [
    ...requestFamilies(counters),
    ...upstreamFamilies(counters, sources),
    ...headFamilies(counters),
    ...stateFamilies(counters, sources),
    ...reloadFamilies(reloads),
    gauge(
      "tls_certificate_not_after_seconds",
      "Expiry of a listener's certificate, in seconds since the epoch.",
      () => expirySamples(sources.certificates()),
    ),
    gauge("build_info", "Version of headgate and of the Node.js that runs it; always 1.", () => [
      { labels: { version: build.version, node: build.node }, value: 1 },
    ]),
  ];
}

/** Several certificates may have the same first name. Prometheus takes a series only once, and the one that ends first matters. */
function expirySamples(certificates: ReturnType<MetricSources["certificates"]>): Sample[] {
  const samples = new Map<string, Sample>();
  for (const { listen, names, notAfterMs } of certificates) {
    const [name = ""] = names;
    const series = `${listen} ${name}`;
    const value = Math.min(notAfterMs / 1000, samples.get(series)?.value ?? Infinity);
    samples.set(series, { labels: { listen, name }, value });
  }
  return [...samples.values()];
}

function toCodeLabel(code: number): string {
  if (code === 0) return "none";
  return code === OTHER_CODE ? "other" : String(code);
}

function requestFamilies(counters: Counters): Family[] {
  return [
    counter("requests_total", "Finished requests; head is the outcome of a HEAD.", () =>
      perMethod(counters, (labels, { requests }) =>
        [...requests].flatMap(([code, byHead]) =>
          Object.entries(byHead)
            .filter(([, value]) => value > 0)
            .map(([head, value]) => ({
              labels: { ...labels, code: toCodeLabel(code), head },
              value,
            })),
        ),
      ),
    ),
    histogram(
      "request_duration_seconds",
      "Time from a request's header section to the end of its exchange.",
      (name) => perMethod(counters, (labels, { duration }) => toSamples(name, labels, duration)),
    ),
    histogram(
      "overhead_seconds",
      "Time that headgate added before it sent a request to the upstream.",
      (name) => toSamples(name, {}, counters.overhead),
    ),
    counter(
      "client_aborts_total",
      "Exchanges that the client left before their response was complete.",
      () => perRoute(counters, (labels, route) => [{ labels, value: route.clientAborts }]),
    ),
  ];
}

function upstreamFamilies(counters: Counters, sources: MetricSources): Family[] {
  return [
    histogram(
      "upstream_response_seconds",
      "Time from sending a request to the end of the response's header section.",
      (name) =>
        [...counters.upstreams].flatMap(([upstream, { response }]) =>
          toSamples(name, { upstream }, response),
        ),
    ),
    counter(
      "upstream_errors_total",
      "Exchanges that failed at or before the upstream, by RFC 9209 error type.",
      () =>
        [...counters.upstreams].flatMap(([upstream, { errors }]) =>
          [...errors].map(([error, value]) => ({ labels: { upstream, error }, value })),
        ),
    ),
    counter(
      "upstream_retries_total",
      "Requests sent again because a reused connection was dead.",
      () => single(counters.retries),
    ),
    gauge("upstream_connections", "Connections to the upstream, by state.", () =>
      [...sources.upstreamConnections()].map(({ upstream, state, count }) => ({
        labels: { upstream, state },
        value: count,
      })),
    ),
  ];
}

function headFamilies(counters: Counters): Family[] {
  return [
    counter(
      "head_bodies_total",
      "Bodies that headgate removed from responses to HEAD, by what it did with them.",
      () =>
        perRoute(counters, (labels, route) =>
          Object.entries(route.bodies).map(([body, value]) => ({
            labels: { ...labels, body },
            value,
          })),
        ),
    ),
    counter(
      "head_drained_bytes_total",
      "Bytes of the bodies of responses to HEAD that headgate read and discarded.",
      () => single(counters.drainedBytes),
    ),
    counter(
      "head_spared_bytes_total",
      "Announced bytes of the bodies of responses to HEAD that headgate did not read.",
      () => single(counters.sparedBytes),
    ),
    counter(
      "head_rescued_total",
      "HEADs with a 2xx or 3xx through a GET: each would be a 405 from a backend that serves GET only.",
      () => perRoute(counters, (labels, route) => [{ labels, value: route.rescued }]),
    ),
    counter(
      "head_rescuable_total",
      "HEADs of routes in mode observe that mode auto would have sent again as GET.",
      () => perRoute(counters, (labels, route) => [{ labels, value: route.rescuable }]),
    ),
  ];
}

function stateFamilies(counters: Counters, sources: MetricSources): Family[] {
  return [
    gauge("requests_in_flight", "Requests that have begun and not ended.", () =>
      single(sources.requestsInFlight()),
    ),
    gauge("client_connections", "Connections from clients.", () =>
      single(sources.clientConnections()),
    ),
    counter(
      "unopened_connections_total",
      "Connections from clients that failed before HTTP began, by stage.",
      () =>
        Object.entries(counters.unopened).map(([stage, value]) => ({ labels: { stage }, value })),
    ),
    counter(
      "http2_connections_closed_total",
      "HTTP/2 connections that headgate closed because of a flood or a breach of the protocol, by reason.",
      () =>
        Object.entries(counters.misuse).map(([reason, value]) => ({ labels: { reason }, value })),
    ),
    gauge("tunnels", "Connections switched to another protocol, such as WebSocket.", () =>
      single(sources.tunnels()),
    ),
    counter(
      "log_lines_dropped_total",
      "Log lines that headgate dropped because their reader was too slow or it could not write them.",
      () => single(sources.droppedLogLines()),
    ),
  ];
}

function reloadFamilies(reloads: Reloads): Family[] {
  return [
    counter("config_reloads_total", "Attempts to load a changed configuration, by result.", () => [
      { labels: { result: "success" }, value: reloads.success },
      { labels: { result: "failure" }, value: reloads.failure },
    ]),
    gauge(
      "config_last_reload_successful",
      "Whether the last attempt to load the configuration succeeded.",
      () => single(reloads.lastSuccessful ? 1 : 0),
    ),
    gauge(
      "config_last_reload_success_timestamp_seconds",
      "When the configuration in use was loaded.",
      () => single(reloads.lastSuccessSeconds),
    ),
  ];
}

type Labels = Readonly<Record<string, string>>;

function perRoute(
  counters: Counters,
  toRouteSamples: (labels: Labels, route: RouteCounters) => Sample[],
): Sample[] {
  return [...counters.routes].flatMap(([route, counts]) => toRouteSamples({ route }, counts));
}

function perMethod(
  counters: Counters,
  toMethodSamples: (labels: Labels, counts: MethodCounters) => Sample[],
): Sample[] {
  return perRoute(counters, (labels, { methods }) =>
    [...methods].flatMap(([method, counts]) => toMethodSamples({ ...labels, method }, counts)),
  );
}
