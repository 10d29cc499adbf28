/** The access log's line for one exchange. It is always exactly one line. */

import type { LogField } from "../../config/schema/log.ts";
import type { Fault } from "../../http/errors.ts";
import { type Exchange, toRequestId } from "../../http/exchange.ts";
import { findField, findOnlyField } from "../../http/fields.ts";
import { splitTarget } from "../../http/secrets.ts";
import { type JsonLineWriter, type PrecomputedBytes, precompute } from "./json-line.ts";
import type { LogLevel } from "./logger.ts";
import { toStatus } from "../metrics/counters.ts";

/** The party at fault decides the level, so that a client's bad request does not alert the operator. */
const LEVELS: Readonly<Record<Fault, LogLevel>> = {
  client: "info",
  upstream: "warn",
  headgate: "error",
};

/**
 * The maximum length of values, in characters. Even if all characters need JSON escapes, a line stays under 16 KiB, at which container
 * runtimes split it.
 */
const MAX_TOKEN = 64;
const MAX_ID = 128;
const MAX_USER_AGENT = 256;
const MAX_SUBJECT = 256;
const MAX_URL = 2048;
const MAX_MESSAGE = 512;
const MAX_STACK = 2048;
/** For values from the configuration, which the log shows in full. */
const UNLIMITED = Infinity;

/** W3C Trace Context §3.2.2: version ff and all-zero ids are invalid. Version 00 has 55 characters; only later versions may be longer. */
const TRACEPARENT =
  /^(?!ff|00.{54})[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:$|-)/;

const STARTS: Readonly<Record<LogLevel, PrecomputedBytes>> = {
  debug: precompute(`{"level":"debug"`),
  info: precompute(`{"level":"info"`),
  warn: precompute(`{"level":"warn"`),
  error: precompute(`{"level":"error"`),
};
const MESSAGE = toKey("msg");
const END = precompute("}\n");

type Write = (lines: JsonLineWriter, exchange: Exchange) => void;
/** Makes the function that writes a field if the exchange has a value for it. `key` is the text before the value: `,"route":`. */
type Field = (key: PrecomputedBytes) => Write;

/** In the order of a line. The keys are OpenTelemetry's semantic conventions, and headgate's own if those have no name. */
const FIELDS: Readonly<Record<LogField, Field>> = {
  // If the received bytes are not a valid request, method and target are empty. `splitTarget` would show an empty target as "/".
  "http.request.method": textField(MAX_TOKEN, ({ method }) => method || undefined),
  "url.path": textField(MAX_URL, ({ target }) =>
    target === "" ? undefined : splitTarget(target).path,
  ),
  "url.query": textField(MAX_URL, ({ target }) => splitTarget(target).query),
  "http.response.status_code": numberField((exchange) => toStatus(exchange) || undefined),
  "client.address": textField(MAX_TOKEN, ({ clientAddress }) => clientAddress),
  "network.protocol.version": textField(MAX_TOKEN, ({ httpVersion }) => httpVersion || undefined),
  "user_agent.original": textField(MAX_USER_AGENT, ({ rawFields }) =>
    findField(rawFields, "user-agent"),
  ),
  "tls.client.subject": textField(MAX_SUBJECT, (exchange) => exchange.clientCertificate?.subject),
  "tls.client.san": textField(
    MAX_SUBJECT,
    ({ clientCertificate }) =>
      clientCertificate && [...clientCertificate.dnsNames, ...clientCertificate.uris].join(" "),
  ),
  "tls.client.hash.sha256": textField(MAX_TOKEN, (exchange) => exchange.clientCertificate?.hash),
  "error.type": textField(UNLIMITED, ({ error }) => error?.code),
  trace_id: textField(MAX_TOKEN, toTraceId),
  route: textField(UNLIMITED, ({ route }) => route?.name),
  upstream: textField(UNLIMITED, ({ route }) => route?.upstream),
  upstream_method: textField(MAX_TOKEN, ({ upstreamMethod }) => upstreamMethod),
  head: textField(UNLIMITED, ({ head }) => head),
  body: textField(UNLIMITED, ({ body }) => body),
  bytes_drained: numberField(({ head, bytesDrained }) =>
    head === undefined ? undefined : bytesDrained,
  ),
  duration_ms: numberField(({ startedMs, endedMs }) => toMs(startedMs, endedMs)),
  upstream_ms: numberField(({ sentMs, respondedMs }) => toMs(sentMs, respondedMs)),
  request_id: textField(MAX_ID, toRequestId),
  // Only for headgate's own faults, so that a bug report can contain the stack.
  "exception.stacktrace": textField(MAX_STACK, ({ error }) =>
    error?.fault === "headgate" ? toStack(error.cause) : undefined,
  ),
};

/** What a line contains. */
export interface AccessLineOptions {
  /** Whether `url.query` is logged. The operator has to switch it on, because queries contain tokens and personal data. */
  readonly query: "log" | "omit";
  /** The fields that a line may have, besides `time`, `level` and `msg`. Undefined means all of them. */
  readonly fields?: readonly LogField[] | undefined;
}

/** Returns the function that writes an exchange's line. `time` is the text after the level: `,"time":"…"`. */
export function createAccessLine({
  query,
  fields = Object.keys(FIELDS) as LogField[],
}: AccessLineOptions): (lines: JsonLineWriter, exchange: Exchange, time: string) => void {
  const wanted = fields.filter((field) => field !== "url.query" || query === "log");
  const writes = [...new Set(wanted)].map((field) => FIELDS[field](toKey(field)));
  return (lines, exchange, time) => {
    lines.precomputed(STARTS[toLevel(exchange)]);
    lines.ascii(time);
    for (const write of writes) write(lines, exchange);
    lines.precomputed(MESSAGE);
    lines.string(toMessage(exchange), MAX_MESSAGE);
    lines.precomputed(END);
  };
}

/** The level of an exchange's line. */
export function toLevel({ error, status }: Exchange): LogLevel {
  if (error !== undefined) return LEVELS[error.fault];
  // A 5xx without a headgate error is the upstream's own response.
  return status >= 500 ? LEVELS.upstream : "info";
}

function toMessage({ error, tunnel }: Exchange): string {
  if (error === undefined) return tunnel ? "tunnel" : "request";
  // The cause ("connect ECONNREFUSED 127.0.0.1:8000") is for the operator; headgate never sends it to the client.
  const { cause, message } = error;
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}

function textField(maxLength: number, read: (exchange: Exchange) => string | undefined): Field {
  return (key) => (lines, exchange) => {
    const value = read(exchange);
    if (value === undefined) return;
    lines.precomputed(key);
    lines.string(value, maxLength);
  };
}

function numberField(read: (exchange: Exchange) => number | undefined): Field {
  return (key) => (lines, exchange) => {
    const value = read(exchange);
    if (value === undefined) return;
    lines.precomputed(key);
    lines.number(value);
  };
}

function toKey(name: string): PrecomputedBytes {
  return precompute(`,"${name}":`);
}

function toTraceId({ rawFields }: Exchange): string | undefined {
  const traceparent = findOnlyField(rawFields, "traceparent");
  return traceparent === undefined ? undefined : TRACEPARENT.exec(traceparent)?.[1];
}

/** The difference in milliseconds; undefined if one of the times is missing. */
function toMs(fromMs: number | undefined, untilMs: number | undefined): number | undefined {
  return fromMs === undefined || untilMs === undefined ? undefined : untilMs - fromMs;
}

function toStack(cause: unknown): string | undefined {
  if (!(cause instanceof Error) || cause.stack === undefined) return undefined;
  // Line ends become " | ". JSON would escape them, which makes the stack hard to read.
  return cause.stack.replace(/\s*\n\s*/g, " | ");
}
