/** The status of a running headgate, as JSON and as a stream of events for the status page. */

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

/** The status of a process. */
export interface Status extends EventStream {
  /** Records a finished exchange. */
  add(exchange: Exchange): void;
  /** Returns the snapshot as indented JSON. */
  text(): string;
}

/** Creates the status. Sampling begins with `start`. */
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
