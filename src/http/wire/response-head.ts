/** Parses a response's header section strictly: text that two recipients may read differently is refused. */

import { type ChunkGrammar, STRICT_CHUNKS } from "./chunked.ts";
import { ProxyError } from "../errors.ts";
import { SPACE, endOfBlanks, endOfText, parseFieldLines } from "./grammar.ts";
import { type ResponseFields, readResponseFields } from "../response-fields.ts";

/** The header section of a response, interim (1xx) or final. Texts are the received bytes as latin1. */
export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  readonly fields: ResponseFields;
}

/** A header section with the parts that only the connection needs. */
export interface ParsedHead extends ResponseHead {
  readonly version: "1.0" | "1.1";
  /** As received: name, value, name, value, … */
  readonly rawFields: readonly string[];
}

/** How the header section and the chunks of a response are read. The functions throw a ProxyError (502) for malformed text. */
export interface ResponseReading {
  /** Reads a status line and the field lines behind it, each with its line end, without the empty line at the end. */
  parseHead(text: string): ParsedHead;
  /** Checks the beginning of an incomplete status line. */
  checkBeginning(text: string): void;
  /** Checks a field line. `lineEnd` is the line end of the status line. */
  checkFieldLine(line: string, lineEnd: string): void;
  /** Whether to skip a line before the status line. */
  isSkipped(line: string): boolean;
  readonly chunks: ChunkGrammar;
}

/** Accepts HTTP/1's grammar only. */
export const STRICT_READING: ResponseReading = {
  parseHead: parseResponseHead,
  checkBeginning,
  checkFieldLine(line) {
    if (parseFieldLines(line, 0) === undefined) throw new ProxyError("http_protocol_error");
  },
  isSkipped: () => false,
  chunks: STRICT_CHUNKS,
};

const START = "HTTP/1.";
const STATUS_AT = "HTTP/1.1 ".length;
const REASON_AT = STATUS_AT + 3;

/**
 * Reads a status line and the field lines behind it, each with its CRLF, without the empty line at the end.
 *
 * Throws a ProxyError (502) for everything that violates the grammar of HTTP/1.1 and 1.0.
 */
export function parseResponseHead(text: string): ParsedHead {
  const minor = text.charCodeAt(START.length) - 0x30;
  const status = toNumber(text, STATUS_AT);
  if (!text.startsWith(START) || (minor !== 1 && minor !== 0))
    throw new ProxyError("http_protocol_error");
  if (text.charCodeAt(STATUS_AT - 1) !== SPACE || !(status >= 100))
    throw new ProxyError("http_protocol_error");
  const end = endOfText(text, REASON_AT);
  const raw = end === -1 ? undefined : parseFieldLines(text, end + 2);
  if (raw === undefined) throw new ProxyError("http_protocol_error");
  // RFC 9112 §4 requires the space even without a reason, but many servers omit it.
  if (end > REASON_AT && text.charCodeAt(REASON_AT) !== SPACE)
    throw new ProxyError("http_protocol_error");
  return {
    version: minor === 1 ? "1.1" : "1.0",
    status,
    reason: text.slice(endOfBlanks(text, REASON_AT), end),
    rawFields: raw,
    fields: readResponseFields(raw),
  };
}

/** Checks the beginning of an incomplete status line. Throws a ProxyError (502) if it cannot become one. */
export function checkBeginning(text: string): void {
  if (!text.startsWith(START.slice(0, text.length))) throw new ProxyError("http_protocol_error");
}

/** Returns the number of three digits at `at`; NaN if they are not digits. */
function toNumber(text: string, at: number): number {
  let number = 0;
  for (let index = at; index < at + 3; index += 1) {
    const digit = text.charCodeAt(index) - 0x30;
    number = digit >= 0 && digit <= 9 ? number * 10 + digit : NaN;
  }
  return number;
}
