/**
 * Reads responses of old backends that violate the grammar but that all recipients read alike (docs/forwarding.md lists these liberties).
 * A response is read here only after the strict reading has failed. The client gets it in correct form.
 *
 * There is no liberty for lines that frame the message or its connection, because smuggled framing looks like that. There are two
 * exceptions, which all recipients read alike: a bare LF behind each line of the section, and a repeated length.
 */

import { type ParsedHead, type ResponseReading, checkBeginning } from "./response-head.ts";
import { MAX_DIGITS } from "./chunked.ts";
import { COLON, endOfBlanks, endOfText, endOfToken, trim } from "./grammar.ts";
import { ProxyError } from "../errors.ts";
import { readResponseFields } from "../response-fields.ts";

const CRLF = "\r\n";
const LENGTH = "content-length";
const FRAMING: ReadonlySet<string> = new Set([
  LENGTH,
  "transfer-encoding",
  "connection",
  "upgrade",
]);

// Allows several blanks around the status code, no blank before an empty reason, and any byte in the reason except NUL, CR and LF.
const STATUS_LINE = /^HTTP\/1\.([0-9])[\t ]+([1-9][0-9]{2})(?:[\t ]([^\0\r\n]*))?\r\n/;
const FORBIDDEN = /[\0\r\n]/;

// Allows blanks behind a size, and extensions with any text: every recipient drops both.
const SIZE_LINE = new RegExp(
  String.raw`^([0-9A-Fa-f]{1,${MAX_DIGITS}})[\t ]*((?:;[^\0\r\n]*)?)\r\n$`,
);

/** Accepts HTTP/1's grammar and these liberties. */
export const TOLERANT_READING: ResponseReading = {
  parseHead: parseTolerantHead,
  checkBeginning(text) {
    if (text !== "\r") checkBeginning(text); // a CR may begin an empty line
  },
  checkFieldLine(line, lineEnd) {
    if (parseFieldLines(toCrlf(line, lineEnd), 0) === undefined)
      throw new ProxyError("http_protocol_error");
  },
  // Some servers send an empty line behind a 100.
  isSkipped: (line) => line === CRLF || line === "\n",
  chunks: { sizeLine: SIZE_LINE, parseTrailer: (line) => parseFieldLines(line, 0) },
};

function parseTolerantHead(text: string): ParsedHead {
  const lines = toCrlf(text, toLineEnd(text));
  const [line, minor, digits, reason = ""] = STATUS_LINE.exec(lines) ?? [];
  const fields = line === undefined ? undefined : parseFieldLines(lines, line.length);
  if (fields === undefined) throw new ProxyError("http_protocol_error");
  const rawFields = toOneLength(fields);
  return {
    // RFC 9110 §2.5: a later minor version is read as the latest version that headgate supports.
    version: minor === "0" ? "1.0" : "1.1",
    status: Number(digits),
    reason: reason.slice(endOfBlanks(reason, 0)),
    rawFields,
    fields: readResponseFields(rawFields),
  };
}

/** Ends all lines with CRLF. A line that did not end with `lineEnd` keeps a CR or a bare LF, and no parser accepts it. */
function toCrlf(lines: string, lineEnd: string): string {
  return lineEnd === CRLF ? lines : lines.replaceAll("\n", CRLF);
}

function toLineEnd(text: string): string {
  return text[text.indexOf("\n") - 1] === "\r" ? CRLF : "\n";
}

/** Reads field lines, and accepts blanks before a colon (RFC 9112 §5.1) and control characters in a value (RFC 9110 §5.5). */
function parseFieldLines(text: string, start: number): string[] | undefined {
  const fields: string[] = [];
  let at = start;
  while (at < text.length) {
    const nameEnd = endOfToken(text, at);
    const colon = endOfBlanks(text, nameEnd);
    const end = text.indexOf(CRLF, colon);
    if (nameEnd === at || text.charCodeAt(colon) !== COLON || end === -1) return undefined;
    const name = text.slice(at, nameEnd);
    const value = trim(text, colon + 1, end);
    const isPlain = colon === nameEnd && endOfText(text, colon + 1) === end;
    if (!isPlain && (FORBIDDEN.test(value) || FRAMING.has(name.toLowerCase()))) return undefined;
    fields.push(name, value);
    at = end + CRLF.length;
  }
  return fields;
}

/** RFC 9112 §6.3, rule 5: an equal length that is repeated, in one field or in several, counts once. */
function toOneLength(fields: string[]): string[] {
  const result: string[] = [];
  let length: string | undefined;
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? "";
    const value = fields[index + 1] ?? "";
    if (name.toLowerCase() !== LENGTH) {
      result.push(name, value);
      continue;
    }
    const members = value.split(",").map((member) => trim(member, 0, member.length));
    const [first = ""] = members;
    if (members.some((member) => member !== (length ?? first)))
      throw new ProxyError("http_protocol_error");
    if (length === undefined) result.push(name, first);
    length = first;
  }
  return result;
}
