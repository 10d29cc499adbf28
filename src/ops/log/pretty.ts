/** Log lines for a person at a terminal. */

import { toPrintable } from "./printable.ts";

/** Longer than any field that access-line.ts lets through; a stack fits. */
const MAX_VALUE = 8192;

/** Values that need no quotes. Whatever could be taken for another key, or for the end of the line, gets them. */
const BARE = /^[\w./:@%+*[\]-]+$/;

/** The same for the parts of a request, which have no key: no space, no quote and no backslash. */
const BARE_PART = /^[!#-[\]-~]+$/;

/** Before the further lines of a message: at the margin begins nothing but a line of the log. */
const INDENT = "    ";

type Fields = Readonly<Record<string, unknown>>;

/**
 * Turns the JSON line of an exchange into `12:03:04.123 HEAD /health 502 connection_refused 14ms "message" key=value …`.
 *
 * It reads the finished line rather than hooking into the logger: one path makes every line, and the format in which
 * machines read it is the one that the tests hold. The time stays in front: it always has the same width, so the requests stand in
 * one column, and lines that follow each other can be compared. What `log.fields` leaves out is missing here too.
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
  // Every exchange has a message; this one says nothing that the line does not.
  const message = msg === "request" ? [] : [JSON.stringify(toText(msg))];
  return `${[toTime(time), ...parts, ...took, ...message, ...toPairs(level, fields)].join(" ")}\n`;
}

/**
 * Turns another JSON line into `12:03:04.123 message key=value …`. The message is headgate's own, so it may have lines, such as a
 * mistake's place with a caret under it.
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

/** `12:03:04.123` of an ISO time. */
function toTime(time: unknown): string {
  return toText(time).slice(11, 23);
}

/** Most lines are of level info, so only another level is shown. */
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

/** In two digits or more: `0.43ms`, `2.4ms`, `14ms`, `1.2s`, `75s`. */
function formatMs(ms: number): string {
  if (ms >= 999.5) return `${trim(ms / 1000, ms < 9950 ? 1 : 0)}s`;
  return `${trim(ms, ms < 0.995 ? 2 : ms < 9.95 ? 1 : 0)}ms`;
}

function trim(value: number, decimals: number): string {
  return String(Number(value.toFixed(decimals)));
}
