import assert from "node:assert/strict";
import test from "node:test";

import { ProxyError } from "../../src/http/errors.ts";
import type { Exchange } from "../../src/http/exchange.ts";
import { createTimeSeries } from "../../src/ops/status/time-series.ts";
import { createRecent } from "../../src/ops/status/recent.ts";
import {
  type ConfigurationState,
  type StatusSnapshot,
  toFrame,
  toStatusSnapshot,
} from "../../src/ops/status/status-snapshot.ts";
import { finishedExchange, quietMetrics, ROUTE } from "../support/exchange.ts";

const ENDPOINT = {
  url: "http://app.internal:8000",
  addresses: [
    { address: "10.1.2.3:8000", connections: 3, lastError: undefined },
    {
      address: "10.1.2.4:8000",
      connections: 0,
      lastError: { code: "connection_refused", atMs: 1000 },
    },
  ],
} as const;

const NOW = { nowMs: 1_700_000_060_000, clockMs: 2000 };

function snapshotOf(
  exchanges: readonly Exchange[],
  changes: Partial<ConfigurationState> = {},
): StatusSnapshot {
  const metrics = quietMetrics();
  const recent = createRecent();
  for (const exchange of exchanges) {
    metrics.observe(exchange);
    recent.add(exchange);
  }
  return toStatusSnapshot(
    {
      build: { version: "1.2.3", node: "v20.20.2" },
      startedAtMs: 1_700_000_000_000,
      counters: metrics.counters,
      recent,
      gauges: {
        requestsInFlight: () => 3,
        clientConnections: () => 5,
        tunnels: () => 1,
        upstreamConnections: () => [
          { upstream: "app", state: "idle", count: 2 },
          { upstream: "app", state: "active", count: 1 },
          { upstream: "other", state: "idle", count: 0 },
        ],
        droppedLogLines: () => 0,
        certificates: () => [],
      },
      state: () => "ready",
      configuration: () => ({
        file: "routes.yaml",
        hash: "abc",
        loadedAtMs: 1_700_000_000_000,
        certificates: [],
        routes: [ROUTE],
        lastReload: undefined,
        ...changes,
      }),
      endpoints: () => new Map([["app", ENDPOINT]]),
    },
    NOW,
  );
}

const refused = (changes: Partial<Exchange> = {}): Exchange =>
  finishedExchange({
    status: 502,
    respondedMs: undefined,
    error: new ProxyError("connection_refused", { cause: new Error("10.0.0.7:8000") }),
    ...changes,
  });

test("the snapshot has the version, the start time and the file", () => {
  const snapshot = snapshotOf([]);
  assert.equal(snapshot.version, "1.2.3");
  assert.equal(snapshot.startedAt, "2023-11-14T22:13:20.000Z");
  assert.equal(snapshot.uptimeSeconds, 60);
  assert.deepEqual(snapshot.configuration, {
    file: "routes.yaml",
    sha256: "abc",
    loadedAt: "2023-11-14T22:13:20.000Z",
    certificates: [],
    lastReload: undefined,
  });
});

test("a failed reload is shown with its first errors and their count, and degrades headgate's health", () => {
  const errors = Array.from({ length: 7 }, (_, index) => `a.yaml:${index + 1}:1: is wrong`);
  const { configuration, health } = snapshotOf([], { lastReload: { atMs: NOW.nowMs, errors } });
  assert.deepEqual(configuration.lastReload, {
    at: "2023-11-14T22:14:20.000Z",
    result: "failure",
    errors: errors.slice(0, 5),
    errorCount: 7,
  });
  assert.equal(health.state, "degraded");
  const good = snapshotOf([], { lastReload: { atMs: NOW.nowMs, errors: [] } });
  assert.equal(good.configuration.lastReload?.result, "success");
  assert.equal(good.health.state, "ok");
});

test("an upstream has its URL and its addresses, each with its connections and its last error", () => {
  const [app, other] = snapshotOf([]).upstreams;
  assert.equal(app?.url, "http://app.internal:8000");
  assert.deepEqual(app?.addresses, [
    { address: "10.1.2.3:8000", connections: 3, lastError: undefined },
    {
      address: "10.1.2.4:8000",
      connections: 0,
      lastError: { at: "2023-11-14T22:14:19.000Z", code: "connection_refused" },
    },
  ]);
  assert.deepEqual(other?.addresses, []);
});

test("each route has its counts, in the file's order, even before its first request", () => {
  const files = { ...ROUTE, name: "z-first" };
  const { routes } = snapshotOf(
    [finishedExchange(), finishedExchange({ route: undefined, status: 400 })],
    {
      routes: [files, ROUTE],
    },
  );
  assert.deepEqual(
    routes.map(({ name, mode, requests, clientErrors }) => ({
      name,
      mode,
      requests,
      clientErrors,
    })),
    [
      { name: "z-first", mode: "convert", requests: 0, clientErrors: 0 },
      { name: "files", mode: "convert", requests: 1, clientErrors: 0 },
      { name: "none", mode: undefined, requests: 1, clientErrors: 1 },
    ],
  );
  assert.equal(routes[1]?.p50Ms, 3.75);
});

test("HEADs are shown by their outcome and by the outcome of their bodies", () => {
  const head = finishedExchange({
    method: "HEAD",
    head: "convert",
    body: "aborted",
    bytesSpared: 100,
  });
  const passed = finishedExchange({ method: "HEAD", head: "pass" });
  assert.deepEqual(snapshotOf([head, head, passed, finishedExchange()]).heads, {
    outcomes: {
      none: 0,
      convert: 2,
      native: 0,
      fallback: 0,
      pass: 1,
      observe: 0,
      reject: 0,
      probed: 0,
      shared: 0,
      failed: 0,
    },
    bodies: { none: 0, drained: 0, aborted: 2 },
    rescued: 2,
    drainedBytes: 0,
    sparedBytes: 200,
  });
});

test("an upstream's state is that of its last exchange", () => {
  const states = (...exchanges: readonly Exchange[]): unknown[] =>
    snapshotOf(exchanges).upstreams.map(({ name, state }) => `${name} ${state}`);
  assert.deepEqual(states(), ["app unused", "other unused"]);
  assert.deepEqual(states(finishedExchange()), ["app up", "other unused"]);
  assert.deepEqual(states(finishedExchange(), refused({ endedMs: 1100 })), [
    "app failing",
    "other unused",
  ]);
  assert.deepEqual(states(refused({ endedMs: 1001 }), finishedExchange()), [
    "app up",
    "other unused",
  ]);
});

test("an upstream's last error has its type and time, and no address of a client", () => {
  const snapshot = snapshotOf([refused({ endedMs: 1500 })]);
  assert.deepEqual(snapshot.upstreams[0]?.lastError, {
    at: "2023-11-14T22:14:19.500Z",
    code: "connection_refused",
    title: "The upstream refused the connection",
  });
  assert.deepEqual(snapshot.upstreams[0]?.connections, { idle: 2, active: 1 });
  assert.doesNotMatch(JSON.stringify(snapshot), /10\.0\.0\.7|192\.0\.2|secret|curl/);
});

test("a frame shows the hundred busiest of very many routes, on one line", () => {
  const routes = Array.from({ length: 150 }, (_, index) => ({ ...ROUTE, name: `r${index}` }));
  const busy = finishedExchange({ route: routes[149] });
  const frame = toFrame(
    snapshotOf([busy], { routes }),
    createTimeSeries(quietMetrics().counters, 0),
  );
  const shown = JSON.parse(frame) as StatusSnapshot & { readonly routeCount: number };
  assert.equal(shown.routes.length, 100);
  assert.equal(shown.routes[0]?.name, "r149");
  assert.equal(shown.routeCount, 150);
  assert.doesNotMatch(frame, /\n/);
});
