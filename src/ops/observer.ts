/** Records the end of each exchange: in the metrics, in the status and, if the operator wants it, in the access log. */

import type { Exchange } from "../http/exchange.ts";
import { type AccessLineOptions, createAccessLine, toLevel } from "./log/access-line.ts";
import { createBatchQueue } from "./log/batch-queue.ts";
import { createJsonLineWriter } from "./log/json-line.ts";
import type { Logger } from "./log/logger.ts";
import type { Metrics } from "./metrics/endpoint.ts";
import type { Status } from "./status/status.ts";
import { createTimestamp } from "./log/timestamp.ts";

/** Where finished exchanges are recorded. */
export interface ObserveOptions extends AccessLineOptions {
  readonly logger: Pick<Logger, "isEnabled" | "lines">;
  readonly metrics: Pick<Metrics, "observe">;
  /** For the status page. */
  readonly status?: Pick<Status, "add"> | undefined;
  /** Which exchanges get a log line. "errors": those that failed or have a 5xx status. */
  readonly access: "all" | "errors" | "off";
}

/** Records finished exchanges. */
export interface Observer {
  /** The caller calls it once at the end of each exchange, successful or not. It does not throw. */
  observe(exchange: Exchange): void;
  /** Writes the log lines that are still in the queue. Call it before the logger's `flush`. */
  flush(): void;
}

/**
 * Counts an exchange at once, and writes its log line a little later in a batch. A line in a batch costs a quarter of a single line,
 * because the code that writes lines stays in the processor's cache.
 */
export function createObserver(options: ObserveOptions): Observer {
  const { logger, metrics, status } = options;
  const writeLine = createAccessLine(options);
  const toTime = createTimestamp();
  const lines = createJsonLineWriter();
  const queue = createBatchQueue<Exchange>((exchanges) => {
    const time = toTime();
    for (const exchange of exchanges) writeLine(lines, exchange, time);
    logger.lines(lines.take(), exchanges.length);
  });
  return {
    observe(exchange) {
      metrics.observe(exchange);
      status?.add(exchange);
      if (isWanted(exchange, options)) queue.add(exchange);
    },
    flush: () => queue.flush(),
  };
}

function isWanted(exchange: Exchange, { access, logger }: ObserveOptions): boolean {
  if (access === "off" || (access === "errors" && !isLoggedAsError(exchange))) return false;
  return logger.isEnabled(toLevel(exchange));
}

// A client that disconnects is normal, not an error: a user closes a tab, or a probe reaches its timeout.
function isLoggedAsError({ error, status }: Exchange): boolean {
  return status >= 500 || (error !== undefined && error.code !== "client_gone");
}
