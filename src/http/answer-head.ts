/** An upstream's header section as text, read strictly: what two readers could take for different things is refused. */

import { ProxyError } from "./errors.ts";
import { type AnswerFields, readAnswerFields } from "./headers.ts";

/** The header section of an answer, interim (1xx) or final. Texts are the bytes that came, as latin1. */
export interface AnswerHead {
  readonly status: number;
  readonly reason: string;
  readonly fields: AnswerFields;
}

/** With what only the connection needs to know. */
export interface ParsedHead extends AnswerHead {
  readonly version: "1.0" | "1.1";
}

// What a byte may be part of: a field name (RFC 9110 §5.6.2), a field value or reason (§5.5).
const TOKEN = 1;
const TEXT = 2;

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const COLON = 0x3a;

const CLASSES = toClasses();

const START = "HTTP/1.";
const STATUS_AT = "HTTP/1.1 ".length;
const REASON_AT = STATUS_AT + 3;

/**
 * Reads a status line and the field lines behind it, each with its CRLF, without the empty line at the end.
 *
 * Throws a ProxyError (502) for everything that is not HTTP/1.1's or 1.0's grammar. Two leniencies of RFC 9112 are not made use
 * of: a space before a colon (§5.1) and a folded line (§5.2) may be mended by a proxy, and are how smuggled fields look.
 */
export function parseAnswerHead(text: string): ParsedHead {
  const minor = text.charCodeAt(START.length) - 0x30;
  const status = toNumber(text, STATUS_AT);
  if (!text.startsWith(START) || (minor !== 1 && minor !== 0)) throw malformed();
  if (text.charCodeAt(STATUS_AT - 1) !== SPACE || !(status >= 100)) throw malformed();
  const end = endOfText(text, REASON_AT);
  // RFC 9112 §4 wants the space also where no reason follows; many leave it out.
  if (end > REASON_AT && text.charCodeAt(REASON_AT) !== SPACE) throw malformed();
  return {
    version: minor === 1 ? "1.1" : "1.0",
    status,
    reason: text.slice(REASON_AT + 1, end),
    fields: readAnswerFields(parseFieldLines(text, end + 2)),
  };
}

/** Reads field lines, each with its CRLF, from `start` to the end: name, value, name, value, … Throws a ProxyError (502). */
export function parseFieldLines(text: string, start: number): string[] {
  const fields: string[] = [];
  let at = start;
  while (at < text.length) {
    const colon = endOfToken(text, at);
    if (colon === at || text.charCodeAt(colon) !== COLON) throw malformed();
    const end = endOfText(text, colon + 1);
    fields.push(text.slice(at, colon), trim(text, colon + 1, end));
    at = end + 2;
  }
  return fields;
}

/** An answer that is not HTTP. */
export function malformed(): ProxyError {
  return new ProxyError("http_protocol_error");
}

function endOfToken(text: string, start: number): number {
  let at = start;
  while (((CLASSES[text.charCodeAt(at)] ?? 0) & TOKEN) !== 0) at += 1;
  return at;
}

/** Where the line's CRLF stands; nothing else may end it. */
function endOfText(text: string, start: number): number {
  let at = start;
  while (((CLASSES[text.charCodeAt(at)] ?? 0) & TEXT) !== 0) at += 1;
  if (text.charCodeAt(at) !== CR || text.charCodeAt(at + 1) !== LF) throw malformed();
  return at;
}

function trim(text: string, start: number, end: number): string {
  let from = start;
  let to = end;
  while (from < to && isBlank(text.charCodeAt(from))) from += 1;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to -= 1;
  return text.slice(from, to);
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** Three digits, or NaN. */
function toNumber(text: string, at: number): number {
  let number = 0;
  for (let index = at; index < at + 3; index += 1) {
    const digit = text.charCodeAt(index) - 0x30;
    number = digit >= 0 && digit <= 9 ? number * 10 + digit : NaN;
  }
  return number;
}

function toClasses(): Uint8Array {
  const classes = new Uint8Array(256);
  for (let code = 0; code < 256; code += 1) {
    const isToken = /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(code));
    const isText = code === TAB || (code >= SPACE && code !== 0x7f);
    classes[code] = (isToken ? TOKEN : 0) | (isText ? TEXT : 0);
  }
  return classes;
}
