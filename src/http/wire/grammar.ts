/** The grammar of HTTP/1.1 (RFC 9110 §5, RFC 9112 §2-5), read strictly: text that two recipients may read differently is malformed. */

// The classes of a byte: it may be part of a token (RFC 9110 §5.6.2), of a field value or reason (§5.5), or of a request-target.
const TOKEN = 1;
const TEXT = 2;
const TARGET = 4;

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
/** The code of a space. */
export const SPACE = 0x20;
/** The code of a colon. */
export const COLON = 0x3a;

const CLASSES = toClasses();

/**
 * Reads field lines, each with its CRLF, from `start` to the end: name, value, name, value, … Returns undefined if a line is malformed.
 *
 * RFC 9112 allows a proxy to repair a space before a colon (§5.1) and a folded line (§5.2). This parser refuses both, because smuggled
 * fields look like that. http/wire/liberties.ts accepts the first in responses.
 */
export function parseFieldLines(text: string, start: number): string[] | undefined {
  const fields: string[] = [];
  let at = start;
  while (at < text.length) {
    const colon = endOfToken(text, at);
    if (colon === at || text.charCodeAt(colon) !== COLON) return undefined;
    const end = endOfText(text, colon + 1);
    if (end === -1) return undefined;
    fields.push(text.slice(at, colon), trim(text, colon + 1, end));
    at = end + 2;
  }
  return fields;
}

/** Returns the end of the token that begins at `start`. */
export function endOfToken(text: string, start: number): number {
  let at = start;
  while (((CLASSES[text.charCodeAt(at)] ?? 0) & TOKEN) !== 0) at += 1;
  return at;
}

/** Returns the end of the characters that a request-target may contain. http/target.ts checks whether they are one. */
export function endOfTarget(text: string, start: number): number {
  let at = start;
  while (((CLASSES[text.charCodeAt(at)] ?? 0) & TARGET) !== 0) at += 1;
  return at;
}

/** Returns the index of the CRLF that ends the text; -1 if another character ends it. */
export function endOfText(text: string, start: number): number {
  let at = start;
  while (((CLASSES[text.charCodeAt(at)] ?? 0) & TEXT) !== 0) at += 1;
  return isLineEnd(text, at) ? at : -1;
}

/** Whether there is a CRLF at `at`. */
export function isLineEnd(text: string, at: number): boolean {
  return text.charCodeAt(at) === CR && text.charCodeAt(at + 1) === LF;
}

/** Returns the index behind the blanks that begin at `start`. */
export function endOfBlanks(text: string, start: number): number {
  let at = start;
  while (isBlank(text.charCodeAt(at))) at += 1;
  return at;
}

/** Returns the text from `start` to `end` without the blanks around it. */
export function trim(text: string, start: number, end: number): string {
  let from = start;
  let to = end;
  while (from < to && isBlank(text.charCodeAt(from))) from += 1;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to -= 1;
  return text.slice(from, to);
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

function toClasses(): Uint8Array {
  const classes = new Uint8Array(256);
  for (let code = 0; code < 256; code += 1) {
    const isToken = /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(code));
    const isText = code === TAB || (code >= SPACE && code !== 0x7f);
    // RFC 9112 §3.2 requires clients to encode bytes above 0x7f, but all recipients read raw ones alike.
    const isTarget = code > SPACE && code !== 0x7f;
    classes[code] = (isToken ? TOKEN : 0) | (isText ? TEXT : 0) | (isTarget ? TARGET : 0);
  }
  return classes;
}
