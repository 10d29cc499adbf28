/** The metrics endpoint's text: our own numbers and the process's, formatted by prom-client. */

import {
  collectDefaultMetrics,
  Registry,
  type Metric,
  type OpenMetricsContentType,
} from "prom-client";

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
  text(format: MetricsFormat): Promise<MetricsText>;
  /** What was counted so far; not to be changed by readers. */
  readonly tally: Counters;
}

/** Prometheus' older text format, or OpenMetrics 1.0. */
export type MetricsFormat = "prometheus" | "openmetrics";

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
  const tally = createCounters();
  const reloads: Reloads = {
    success: 0,
    failure: 0,
    lastSuccessful: true,
    lastSuccessSeconds: options.loadedAtSeconds,
  };
  const plain = new Registry();
  for (const family of toFamilies({
    tally,
    sources: options.sources,
    reloads,
    build: options.build,
  })) {
    plain.registerMetric(toMetric(toCollected(family)));
  }
  if (options.runtime === "on") {
    collectDefaultMetrics({ register: plain, eventLoopMonitoringPrecision: LAG_RESOLUTION_MS });
  }
  const open = toOpenMetrics(plain);

  return {
    observe: (exchange) => addExchange(tally, exchange),
    countReload(result, atSeconds) {
      reloads[result] += 1;
      reloads.lastSuccessful = result === "success";
      if (result === "success") reloads.lastSuccessSeconds = atSeconds;
    },
    async text(format) {
      return format === "openmetrics"
        ? { contentType: Registry.OPENMETRICS_CONTENT_TYPE, body: await open.metrics() }
        : { contentType: Registry.PROMETHEUS_CONTENT_TYPE, body: await plain.metrics() };
    },
    tally,
  };
}

function toCollected({ name, help, type, samples }: Family): Collected {
  return { name, help, type, get: () => Promise.resolve({ name, help, type, values: samples() }) };
}

/**
 * The same metrics for OpenMetrics, as views in a registry of its own: a registry that is asked for it renames its counters
 * in place and reads its content type again halfway, so that one registry for both formats would mix them up.
 */
function toOpenMetrics(plain: Registry): Registry<OpenMetricsContentType> {
  const open = new Registry<OpenMetricsContentType>();
  open.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  for (const { name } of plain.getMetricsAsArray()) {
    const metric = plain.getSingleMetric(name);
    if (metric !== undefined) open.registerMetric(toMetric(toView(fromMetric(metric))));
  }
  return open;
}

function toView(metric: Collected): Collected {
  // A counter's family has no suffix in OpenMetrics; the registry adds it to the samples.
  const name = metric.type === "counter" ? metric.name.replace(/_total$/, "") : metric.name;
  return {
    name,
    help: metric.help,
    type: metric.type,
    async get() {
      const { help, type, values } = await metric.get();
      return {
        name,
        help,
        type,
        values: type === "histogram" ? values.map(toCanonicalBound) : values,
      };
    },
  };
}

/** OpenMetrics 1.0 "Histogram": `le` is written as a float, 1.0 and not 1. */
function toCanonicalBound(sample: Sample): Sample {
  const { le } = sample.labels;
  return Number.isInteger(le) ? { ...sample, labels: { ...sample.labels, le: `${le}.0` } } : sample;
}

/**
 * prom-client's types name its own four classes, whose increments are what we avoid; its Registry calls nothing but what
 * `Collected` has (lib/registry.js, `metrics` and `getMetricsAsString`). A test reads the text that comes of it.
 */
function toMetric(collected: Collected): Metric {
  return collected as unknown as Metric;
}

/** The reverse, for prom-client's own: their types call `type` an enum, but it is the word itself. */
function fromMetric(metric: Metric): Collected {
  return metric as unknown as Collected;
}
