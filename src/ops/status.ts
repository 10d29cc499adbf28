/** The status of a running headgate: noted by `add`, told as a report, sent to whoever watches. */

import type { Exchange } from "../http/exchange.ts";
import { createLive, type Live } from "./live.ts";
import { createRecent } from "./recent.ts";
import { toFrame, toReport, type Report, type ReportSources } from "./report.ts";
import { createSeries } from "./series.ts";

export interface Status extends Live {
  /** Notes a finished exchange. */
  add(exchange: Exchange): void;
  /** The report as JSON, for people too. */
  text(): string;
}

/** Gathers what the report needs over time. Silent until `start`. */
export function createStatus(sources: Omit<ReportSources, "recent">): Status {
  const recent = createRecent();
  const series = createSeries(sources.tally, performance.now());
  const report = (): Report =>
    toReport({ ...sources, recent }, { nowMs: Date.now(), clockMs: performance.now() });
  const live = createLive({
    sample: () => series.sample(performance.now()),
    frame: () => toFrame(report(), series),
  });
  return {
    ...live,
    add: (exchange) => recent.add(exchange),
    text: () => `${JSON.stringify(report(), undefined, 2)}\n`,
  };
}
