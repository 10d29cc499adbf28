/** Formats log lines for a terminal. */

import { toPrintable } from "./printable.ts";

/** The maximum length of a value. It is longer than any field of access-line.ts, a stack included. */
const MAX_VALUE = 8192;

/** Values that need no quotes. Quotes are for values that could look like another key or like the end of the line. */
const BARE = /^[\w./:@%+*[\]-]+$/;

/** Parts of a request that need no quotes. They have no key, so only a space, a quote and a backslash matter. */
const BARE_PART = /^[!#-[\]-~]+$/;

/** Put before the second and later lines of a message, so that only a new log line begins at the margin. */
const INDENT = "    ";

type Fields = Readonly<Record<string, unknown>>;

/**
 * Turns the JSON line of an exchange into `12:03:04.123 HEAD /health 502 connection_refused 14ms "message" key=value …`.
 *
 * It parses the finished JSON line instead of hooking into the logger, so that one path makes every line and the tests of the JSON
 * format cover it. The time comes first because its width never changes: the requests stand in one column. A field that `log.fields`
 * leaves out is missing here, too.
 */
export function toPretty(line: string): string {
  const {
    time,
    level,
    msg,
    "http.request.method": method,
    "url.path": path,
    "url.query": query,
    "http.response.status_code": status,
    "error.type": error,
    duration_ms: durationMs,
    ...fields
  } = parse(line);
  const target = query === undefined ? path : `${toText(path)}?${toText(query)}`;
  const parts = [method, target, status, error].filter((part) => part !== undefined).map(toPart);
  const took = typeof durationMs === "number" ? [formatMs(durationMs)] : [];
  // The message "request" adds nothing to the line.
  const message = msg === "request" ? [] : [JSON.stringify(toText(msg))];
  return `${[toTime(time), ...parts, ...took, ...message, ...toPairs(level, fields)].join(" ")}\n`;
}

/**
 * Turns any other JSON line into `12:03:04.123 message key=value …`. The message is headgate's own, so it may have several lines, such
 * as an excerpt of the route file with a caret under the error.
 */
export function toOwnPretty(line: string): string {
  const { time, level, msg, ...fields } = parse(line);
  const [first = "", ...others] = String(msg).split("\n").map(toText);
  const head = [toTime(time), first, ...toPairs(level, fields)].join(" ");
  return `${[head, ...others].join(`\n${INDENT}`)}\n`;
}

function parse(line: string): Fields {
  return JSON.parse(line) as Fields;
}

/** Returns `12:03:04.123` of an ISO time. */
function toTime(time: unknown): string {
  return toText(time).slice(11, 23);
}

/** Shows the level only if it is not info, which most lines have. */
function toPairs(level: unknown, fields: Fields): readonly string[] {
  const shown = level === "info" ? fields : { level, ...fields };
  return Object.entries(shown).map(([key, value]) => `${toText(key)}=${toValue(value)}`);
}

function toText(value: unknown): string {
  return toPrintable(typeof value === "string" ? value : (JSON.stringify(value) ?? ""), MAX_VALUE);
}

function toValue(value: unknown): string {
  const text = toText(value);
  return BARE.test(text) ? text : JSON.stringify(text);
}

function toPart(value: unknown): string {
  const text = toText(value);
  return BARE_PART.test(text) ? text : JSON.stringify(text);
}

/** Formats milliseconds with at least two digits: `0.43ms`, `2.4ms`, `14ms`, `1.2s`, `75s`. */
function formatMs(ms: number): string {
  if (ms >= 999.5) return `${trim(ms / 1000, ms < 9950 ? 1 : 0)}s`;
  return `${trim(ms, ms < 0.995 ? 2 : ms < 9.95 ? 1 : 0)}ms`;
}

function trim(value: number, decimals: number): string {
  return String(Number(value.toFixed(decimals)));
}
