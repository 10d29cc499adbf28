/** Log lines for a person at a terminal. */

import { toPrintable } from "./printable.ts";

/** Longer than any field that access-line.ts lets through; a stack fits. */
const MAX_VALUE = 8192;

/** Values that need no quotes. Whatever could be taken for another key, or for the end of the line, gets them. */
const BARE = /^[\w./:@%+*[\]-]+$/;

/** Before the further lines of a message: at the margin begins nothing but a line of the log. */
const INDENT = "    ";

/**
 * Turns one JSON log line into `12:03:04.123 WARN  message key=value …`.
 *
 * It reads the finished line rather than hooking into the logger: one path makes every line, and the format in which
 * machines read it is the one that the tests hold.
 */
export function toPretty(line: string): string {
  return format(line, (message) => [message]);
}

/** The same of a line whose message is headgate's own: it may have lines, such as a mistake's place with a caret under it. */
export function toOwnPretty(line: string): string {
  return format(line, (message) => message.split("\n"));
}

function format(line: string, toLines: (message: string) => readonly string[]): string {
  const { time, level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const [first, ...others] = (typeof msg === "string" ? toLines(msg) : [msg]).map(toText);
  const head = `${toText(time).slice(11, 23)} ${toText(level).toUpperCase().padEnd(5)} ${first}`;
  const pairs = Object.entries(fields).map(([key, value]) => ` ${toText(key)}=${toValue(value)}`);
  return `${[head + pairs.join(""), ...others].join(`\n${INDENT}`)}\n`;
}

function toText(value: unknown): string {
  return toPrintable(typeof value === "string" ? value : (JSON.stringify(value) ?? ""), MAX_VALUE);
}

function toValue(value: unknown): string {
  const text = toText(value);
  return BARE.test(text) ? text : JSON.stringify(text);
}
