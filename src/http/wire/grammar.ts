/** What HTTP/1.1 is made of (RFC 9110 §5, RFC 9112 §2-5), read strictly: what two readers could take for different things is nothing here. */

// What a byte may be part of: a token (RFC 9110 §5.6.2), a field value or reason (§5.5), a request-target.
const TOKEN = 1;
const TEXT = 2;
const TARGET = 4;

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
export const SPACE = 0x20;
export const COLON = 0x3a;

const CLASSES = toClasses();

/**
 * Reads field lines, each with its CRLF, from `start` to the end: name, value, name, value, … Undefined where one is none.
 *
 * RFC 9112 lets a proxy mend a space before a colon (§5.1) and a folded line (§5.2). This reader refuses both, because smuggled fields
 * look like that. http/wire/liberties.ts accepts the first in responses.
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

/** Where the token that begins at `start` ends. */
export function endOfToken(text: string, start: number): number {
  let at = start;
  while (((CLASSES[text.charCodeAt(at)] ?? 0) & TOKEN) !== 0) at += 1;
  return at;
}

/** Where what may stand in a request-target ends. Whether it is one says http/target.ts. */
export function endOfTarget(text: string, start: number): number {
  let at = start;
  while (((CLASSES[text.charCodeAt(at)] ?? 0) & TARGET) !== 0) at += 1;
  return at;
}

/** Where the line's CRLF stands; -1 where something else ends it. */
export function endOfText(text: string, start: number): number {
  let at = start;
  while (((CLASSES[text.charCodeAt(at)] ?? 0) & TEXT) !== 0) at += 1;
  return isLineEnd(text, at) ? at : -1;
}

/** Whether a CRLF stands at `at`. */
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
    // RFC 9112 §3.2 requires clients to encode bytes above 0x7f, but raw ones have one reading too.
    const isTarget = code > SPACE && code !== 0x7f;
    classes[code] = (isToken ? TOKEN : 0) | (isText ? TEXT : 0) | (isTarget ? TARGET : 0);
  }
  return classes;
}
