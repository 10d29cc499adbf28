/** The end of every exchange: its samples, its place among the last ones and, if wanted, its log line. Only here. */

import type { LogField } from "../config/schema.ts";
import type { Fault } from "../http/errors.ts";
import { type Exchange, toRequestId } from "../http/exchange.ts";
import { findField } from "../http/headers.ts";
import { createBacklog } from "./backlog.ts";
import type { LogFields, Logger, LogLevel } from "./logger.ts";
import type { Metrics } from "./metrics.ts";
import { toPrintable } from "./printable.ts";
import type { Status } from "./status.ts";
import { splitTarget } from "./target.ts";
import { toStatus } from "./tally.ts";

export interface ObserveOptions {
  readonly logger: Pick<Logger, LogLevel>;
  readonly metrics: Pick<Metrics, "observe">;
  /** For the status page. */
  readonly status?: Pick<Status, "add"> | undefined;
  /** Which exchanges get a line. "errors": those that failed or were answered with 5xx. */
  readonly access: "all" | "errors" | "off";
  /** Whether `url.query` is logged. Queries carry tokens and personal data, so only where the operator says so. */
  readonly query: "log" | "omit";
  /** The only fields that a line may have, beside `time`, `level` and `msg`; undefined: all of them. */
  readonly fields?: readonly LogField[] | undefined;
}

/** Who has to act decides how loud the line is: a stranger's nonsense must not wake anybody. */
const LEVELS: Readonly<Record<Fault, LogLevel>> = {
  client: "info",
  upstream: "warn",
  headgate: "error",
};

/** Longest values, in characters: even if all of them need JSON's escapes a line stays under 16 KiB, where runtimes split it. */
const MAX_TOKEN = 64;
const MAX_ID = 128;
const MAX_USER_AGENT = 256;
const MAX_URL = 2048;
const MAX_MESSAGE = 512;
const MAX_STACK = 2048;

/** W3C Trace Context §3.2.2. Later versions may append fields; version ff and an id of zeros are invalid. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:$|-)/;

export interface Observer {
  /** What proxy.ts calls once for each exchange, whatever its end. It does not throw. */
  observe(exchange: Exchange): void;
  /** Logs the exchanges that wait for it. To be called before the log itself is flushed. */
  flush(): void;
}

/**
 * Counts at once and logs a little later: between two requests the processor forgets the code that writes lines, so that a
 * line by itself costs four times what it costs among others.
 */
export function createObserver(options: ObserveOptions): Observer {
  const { logger, metrics, status, fields } = options;
  const toWanted = fields === undefined ? undefined : createPick(fields);
  const lines = createBacklog<Exchange>((exchange) => {
    const all = toFields(exchange, options);
    logger[toLevel(exchange)](toWanted?.(all) ?? all, toMessage(exchange));
  });
  return {
    observe(exchange) {
      metrics.observe(exchange);
      status?.add(exchange);
      if (isWanted(exchange, options)) lines.add(exchange);
    },
    flush: () => lines.flush(),
  };
}

function createPick(names: readonly LogField[]): (fields: LogFields) => LogFields {
  return (fields) => Object.fromEntries(names.map((name) => [name, fields[name]]));
}

function isWanted({ error, status }: Exchange, { access }: ObserveOptions): boolean {
  if (access !== "errors") return access === "all";
  // A client that leaves is everyday life (a closed tab, a probe's own deadline), not an error.
  return status >= 500 || (error !== undefined && error.code !== "client_gone");
}

function toLevel({ error, status }: Exchange): LogLevel {
  if (error !== undefined) return LEVELS[error.fault];
  // A 5xx without an error of ours is the upstream's own answer.
  return status >= 500 ? LEVELS.upstream : "info";
}

function toMessage({ error, tunnel }: Exchange): string {
  if (error === undefined) return tunnel ? "tunnel" : "request";
  // The cause ("connect ECONNREFUSED 127.0.0.1:8000") is for the operator; the client never sees it.
  const { cause, message } = error;
  return toPrintable(
    cause instanceof Error ? `${message}: ${cause.message}` : message,
    MAX_MESSAGE,
  );
}

/** Keys as OpenTelemetry's semantic conventions name them, and ours where they have no word. Undefined ones are left out. */
function toFields(
  exchange: Exchange,
  { query }: ObserveOptions,
): Record<LogField, LogFields[string]> {
  const { head, route, error, rawFields, sentMs } = exchange;
  const status = toStatus(exchange);
  const url = splitTarget(exchange.target);
  return {
    "http.request.method": toPrintable(exchange.method, MAX_TOKEN),
    "url.path": toPrintable(url.path, MAX_URL),
    "url.query":
      query === "log" && url.query !== undefined ? toPrintable(url.query, MAX_URL) : undefined,
    "http.response.status_code": status === 0 ? undefined : status,
    "client.address": toPrintable(exchange.clientAddress, MAX_TOKEN),
    "user_agent.original": toOptional(findField(rawFields, "user-agent"), MAX_USER_AGENT),
    "error.type": error?.code,
    trace_id: TRACEPARENT.exec(findField(rawFields, "traceparent") ?? "")?.[1],
    route: route?.name,
    upstream: route?.upstream,
    upstream_method: toOptional(exchange.upstreamMethod, MAX_TOKEN),
    head,
    body: exchange.body,
    bytes_drained: head === undefined ? undefined : exchange.bytesDrained,
    duration_ms: toMs(exchange.startedMs, exchange.endedMs),
    upstream_ms: toMs(sentMs, exchange.answeredMs),
    request_id: toPrintable(toRequestId(exchange), MAX_ID),
    // The line of a fault of our own is what a bug report is made of.
    "exception.stacktrace": error?.fault === "headgate" ? toStack(error.cause) : undefined,
  };
}

function toOptional(text: string | undefined, maxLength: number): string | undefined {
  return text === undefined ? undefined : toPrintable(text, maxLength);
}

/** Milliseconds, to the microsecond: more digits are noise. */
function toMs(fromMs: number | undefined, untilMs: number | undefined): number | undefined {
  return fromMs === undefined || untilMs === undefined
    ? undefined
    : Math.round((untilMs - fromMs) * 1000) / 1000;
}

function toStack(cause: unknown): string | undefined {
  if (!(cause instanceof Error) || cause.stack === undefined) return undefined;
  // Its line ends become " | ", or they would be escaped into one unreadable run.
  return toPrintable(cause.stack.replace(/\s*\n\s*/g, " | "), MAX_STACK);
}
