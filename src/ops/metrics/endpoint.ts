/** The metrics endpoint's text: our own numbers and the process's, formatted by prom-client. */

import { collectDefaultMetrics, Registry, type Metric } from "prom-client";

import type { Exchange } from "../../http/exchange.ts";
import { toFamilies, type Build, type MetricSources, type Reloads } from "./families.ts";
import type { Family, Sample } from "./family.ts";
import { addExchange, createCounters, type Counters } from "./counters.ts";

export interface MetricsOptions {
  readonly build: Build;
  readonly sources: MetricSources;
  /** When the configuration in use was loaded, in seconds of the wall clock. */
  readonly loadedAtSeconds: number;
  /** The process's and Node's own metrics. They belong to the process: "off" for every instance but one. */
  readonly runtime: "on" | "off";
}

export interface Metrics {
  /** Counts a finished exchange: plain additions, about 0.1 µs. */
  observe(exchange: Exchange): void;
  /** Notes an attempt to load a changed configuration. `atSeconds`: wall clock. */
  countReload(result: "success" | "failure", atSeconds: number): void;
  /** The current samples. Rejects if a source throws. */
  text(): Promise<MetricsText>;
  /** What was counted so far; not to be changed by readers. */
  readonly counters: Counters;
}

/** Prometheus' text format, 0.0.4. */
export interface MetricsText {
  readonly contentType: string;
  readonly body: string;
}

/**
 * A timer that fires this often measures the event loop's lag. Its values include this interval (prom-client passes on
 * what Node measures), so a longer one hides what it should show; at 20 ms it costs 0.2 % of one core when idle, and less
 * when there is work.
 */
const LAG_RESOLUTION_MS = 20;

/** What a Registry asks of its metrics when it writes them. */
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

/** Builds the set. One instance per process, but for tests. */
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
 * prom-client's types name its own four classes, whose increments are what we avoid; its Registry calls nothing but what
 * `Collected` has (lib/registry.js, `metrics` and `getMetricsAsString`). A test reads the text that comes of it.
 */
function toMetric(collected: Collected): Metric {
  return collected as unknown as Metric;
}
