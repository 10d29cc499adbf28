/** The end of every exchange: its samples, its place among the last ones and, if wanted, its log line. Only here. */

import type { Exchange } from "../http/exchange.ts";
import { type AccessLineOptions, createAccessLine, toLevel } from "./log/access-line.ts";
import { createBatchQueue } from "./log/batch-queue.ts";
import { createJsonLineWriter } from "./log/json-line.ts";
import type { Logger } from "./log/logger.ts";
import type { Metrics } from "./metrics/endpoint.ts";
import type { Status } from "./status/status.ts";
import { createTimestamp } from "./log/timestamp.ts";

export interface ObserveOptions extends AccessLineOptions {
  readonly logger: Pick<Logger, "isEnabled" | "lines">;
  readonly metrics: Pick<Metrics, "observe">;
  /** For the status page. */
  readonly status?: Pick<Status, "add"> | undefined;
  /** Which exchanges get a line. "errors": those that failed or were answered with 5xx. */
  readonly access: "all" | "errors" | "off";
}

export interface Observer {
  /** What proxy/handler.ts calls once for each exchange, whatever its end. It does not throw. */
  observe(exchange: Exchange): void;
  /** Logs the exchanges that wait for it. To be called before the log itself is flushed. */
  flush(): void;
}

/**
 * Counts at once and logs a little later: between two requests the processor forgets the code that writes lines, so that a
 * line by itself costs four times what it costs among others.
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

// A client that leaves is everyday life (a closed tab, a probe's own deadline), not an error.
function isLoggedAsError({ error, status }: Exchange): boolean {
  return status >= 500 || (error !== undefined && error.code !== "client_gone");
}
