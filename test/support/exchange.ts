/** Finished exchanges, for tests of the observers at the end of an exchange. */

import type { RouteConfig } from "../../src/config/types.ts";
import { beginExchange, type Exchange } from "../../src/http/exchange.ts";
import { createMetrics, type Metrics } from "../../src/ops/metrics/endpoint.ts";
import type { MetricSources } from "../../src/ops/metrics/families.ts";
import { toHeadConfig } from "./head.ts";
import { createObserver, type ObserveOptions } from "../../src/ops/observer.ts";

/** A route with the default settings. */
export const ROUTE: RouteConfig = {
  name: "files",
  host: undefined,
  path: "/files/*",
  head: toHeadConfig(),
  upstream: "app",
  responseTimeout: 60_000,
  idleTimeout: 300_000,
  strict: false,
};

/** A GET of /files/a that took 5 ms, of which the upstream took 4, with the given changes. */
export function finishedExchange(changes: Partial<Exchange> = {}): Exchange {
  const request = {
    method: "GET",
    target: "/files/a?token=secret",
    httpVersion: "1.1",
    rawFields: ["Host", "example.test", "User-Agent", "curl/8.1.2"],
    peer: { remoteAddress: "192.0.2.7" },
  };
  const exchange = beginExchange(request, "id-1", 1000.25);
  return Object.assign(
    exchange,
    {
      route: ROUTE,
      upstreamMethod: "GET",
      sentMs: 1000.5,
      respondedMs: 1004.5,
      endedMs: 1005.25,
      status: 200,
    },
    changes,
  );
}

/** Metrics with constant sources, but for `changes`; `runtime`: whether the metrics of the process itself are included. */
export function quietMetrics(
  runtime: "on" | "off" = "off",
  changes: Partial<MetricSources> = {},
): Metrics {
  return createMetrics({
    build: { version: "1.2.3", node: "v20.20.2" },
    loadedAtSeconds: 1_700_000_000,
    runtime,
    sources: {
      requestsInFlight: () => 3,
      clientConnections: () => 5,
      tunnels: () => 1,
      upstreamConnections: () => [{ upstream: "app", state: "idle", count: 2 }],
      droppedLogLines: () => 0,
      certificates: () => [{ listen: ":8443", names: ["a.test"], notAfterMs: 1_800_000_000_000 }],
      ...changes,
    },
  });
}

/** Observes one exchange; all observers have run when this returns. */
export function observeOne(exchange: Exchange, options: ObserveOptions): void {
  const observer = createObserver(options);
  observer.observe(exchange);
  observer.flush();
}
