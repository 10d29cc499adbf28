/** The text of `/metrics`: headgate's own metrics and the process's. prom-client formats it. */

import { collectDefaultMetrics, Registry, type Metric } from "prom-client";

import type { Exchange } from "../../http/exchange.ts";
import type { MisuseKind, OpeningStage } from "../../server/server-handler.ts";
import { toFamilies, type Build, type MetricSources, type Reloads } from "./families.ts";
import type { Family, Sample } from "./family.ts";
import { addExchange, createCounters, type Counters } from "./counters.ts";

/** Where the metrics' values come from. */
export interface MetricsOptions {
  readonly build: Build;
  readonly sources: MetricSources;
  /** The time at which the configuration in use was loaded, in seconds since the epoch. */
  readonly loadedAtSeconds: number;
  /** Metrics of the process and of Node. prom-client collects them once per process, so at most one instance may have "on". */
  readonly runtime: "on" | "off";
}

/** The metrics of one headgate. */
export interface Metrics {
  /** Counts a finished exchange. It takes about 0.1 µs. */
  observe(exchange: Exchange): void;
  /** Counts a client connection that failed before HTTP began on it. */
  countUnopened(stage: OpeningStage): void;
  /** Counts an HTTP/2 connection that headgate closed because of what its client sent. */
  countMisuse(kind: MisuseKind): void;
  /** Counts an attempt to load a changed configuration. `atSeconds` is in seconds since the epoch. */
  countReload(result: "success" | "failure", atSeconds: number): void;
  /** Returns the current samples. It rejects if a source throws. */
  text(): Promise<MetricsText>;
  /** The counters since the start. Readers must not change them. */
  readonly counters: Counters;
}

/** A response body in Prometheus' text format 0.0.4, and its Content-Type. */
export interface MetricsText {
  readonly contentType: string;
  readonly body: string;
}

/**
 * The interval of the timer that measures the event loop's lag. prom-client reports Node's values unchanged, and they include this
 * interval, so a longer one would hide short lags. At 20 ms the timer costs 0.2 % of one core when headgate is idle, and less under
 * load.
 */
const LAG_RESOLUTION_MS = 20;

/** The part of a metric that a Registry reads when it formats the text. */
interface Collected {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  get(): Promise<{
    readonly name: string;
    readonly help: string;
    readonly type: string;
    readonly values: Sample[];
  }>;
}

/** Creates the metrics. A process has one instance; tests may have more. */
export function createMetrics(options: MetricsOptions): Metrics {
  const counters = createCounters();
  const reloads: Reloads = {
    success: 0,
    failure: 0,
    lastSuccessful: true,
    lastSuccessSeconds: options.loadedAtSeconds,
  };
  const registry = new Registry();
  for (const family of toFamilies({
    counters,
    sources: options.sources,
    reloads,
    build: options.build,
  })) {
    registry.registerMetric(toMetric(toCollected(family)));
  }
  if (options.runtime === "on") {
    collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LAG_RESOLUTION_MS });
  }

  return {
    observe: (exchange) => addExchange(counters, exchange),
    countMisuse(kind) {
      counters.misuse[kind] += 1;
    },
    countUnopened(stage) {
      counters.unopened[stage] += 1;
    },
    countReload(result, atSeconds) {
      reloads[result] += 1;
      reloads.lastSuccessful = result === "success";
      if (result === "success") reloads.lastSuccessSeconds = atSeconds;
    },
    text: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
    counters,
  };
}

function toCollected({ name, help, type, samples }: Family): Collected {
  return { name, help, type, get: () => Promise.resolve({ name, help, type, values: samples() }) };
}

/**
 * prom-client's types accept only its own four metric classes, whose increments are too expensive. Its Registry uses only the members
 * of `Collected` (lib/registry.js, `metrics` and `getMetricsAsString`). A test checks the resulting text.
 */
function toMetric(collected: Collected): Metric {
  return collected as unknown as Metric;
}
