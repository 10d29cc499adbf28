/** The status of a running headgate: noted by `add`, told as a report, sent to whoever watches. */

import type { Exchange } from "../../http/exchange.ts";
import { createEventStream, type EventStream } from "./events.ts";
import { createRecent } from "./recent.ts";
import {
  toFrame,
  toStatusSnapshot,
  type StatusSnapshot,
  type StatusSources,
} from "./status-snapshot.ts";
import { createTimeSeries } from "./time-series.ts";

export interface Status extends EventStream {
  /** Notes a finished exchange. */
  add(exchange: Exchange): void;
  /** The report as JSON, for people too. */
  text(): string;
}

/** Gathers what the report needs over time. Silent until `start`. */
export function createStatus(sources: Omit<StatusSources, "recent">): Status {
  const recent = createRecent();
  const series = createTimeSeries(sources.counters, performance.now());
  const takeSnapshot = (): StatusSnapshot =>
    toStatusSnapshot({ ...sources, recent }, { nowMs: Date.now(), clockMs: performance.now() });
  const events = createEventStream({
    sample: () => series.sample(performance.now()),
    frame: () => toFrame(takeSnapshot(), series),
  });
  return {
    ...events,
    add: (exchange) => recent.add(exchange),
    text: () => `${JSON.stringify(takeSnapshot(), undefined, 2)}\n`,
  };
}
