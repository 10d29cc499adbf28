/** What the log says of one exchange: one line, always. */

import type { LogField } from "../../config/schema/file.ts";
import type { Fault } from "../../http/errors.ts";
import { type Exchange, toRequestId } from "../../http/exchange.ts";
import { findField, findOnlyField } from "../../http/fields.ts";
import { splitTarget } from "../../http/secrets.ts";
import { type JsonLineWriter, type PrecomputedBytes, precompute } from "./json-line.ts";
import type { LogLevel } from "./logger.ts";
import { toStatus } from "../metrics/counters.ts";

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
/** For values of the configuration's, of which the log shows all. */
const UNLIMITED = Infinity;

/** W3C Trace Context §3.2.2. Version ff and ids of zeros are invalid; 00 is 55 characters long, and only later ones may append fields. */
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
/** Makes what writes a field, if there is something to say. `key` is what comes before the value: `,"route":`. */
type Field = (key: PrecomputedBytes) => Write;

/** Keys as OpenTelemetry's semantic conventions name them, and ours where they have no word; in the order of a line. */
const FIELDS: Readonly<Record<LogField, Field>> = {
  // Of bytes that are no request these two are empty, and an empty target would be shown as "/".
  "http.request.method": textField(MAX_TOKEN, ({ method }) => method || undefined),
  "url.path": textField(MAX_URL, ({ target }) =>
    target === "" ? undefined : splitTarget(target).path,
  ),
  "url.query": textField(MAX_URL, ({ target }) => splitTarget(target).query),
  "http.response.status_code": numberField((exchange) => toStatus(exchange) || undefined),
  "client.address": textField(MAX_TOKEN, ({ clientAddress }) => clientAddress),
  "user_agent.original": textField(MAX_USER_AGENT, ({ rawFields }) =>
    findField(rawFields, "user-agent"),
  ),
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
  // The line of a fault of our own is what a bug report is made of.
  "exception.stacktrace": textField(MAX_STACK, ({ error }) =>
    error?.fault === "headgate" ? toStack(error.cause) : undefined,
  ),
};

export interface AccessLineOptions {
  /** Whether `url.query` is logged. Queries carry tokens and personal data, so only where the operator says so. */
  readonly query: "log" | "omit";
  /** The only fields that a line may have, beside `time`, `level` and `msg`; undefined: all of them. */
  readonly fields?: readonly LogField[] | undefined;
}

/** How to write an exchange's line. `time` is what follows the level: `,"time":"…"`. */
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

export function toLevel({ error, status }: Exchange): LogLevel {
  if (error !== undefined) return LEVELS[error.fault];
  // A 5xx without an error of ours is the upstream's own answer.
  return status >= 500 ? LEVELS.upstream : "info";
}

function toMessage({ error, tunnel }: Exchange): string {
  if (error === undefined) return tunnel ? "tunnel" : "request";
  // The cause ("connect ECONNREFUSED 127.0.0.1:8000") is for the operator; the client never sees it.
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

/** Milliseconds. */
function toMs(fromMs: number | undefined, untilMs: number | undefined): number | undefined {
  return fromMs === undefined || untilMs === undefined ? undefined : untilMs - fromMs;
}

function toStack(cause: unknown): string | undefined {
  if (!(cause instanceof Error) || cause.stack === undefined) return undefined;
  // Its line ends become " | ", or they would be escaped into one unreadable run.
  return cause.stack.replace(/\s*\n\s*/g, " | ");
}
