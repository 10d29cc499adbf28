/** An upstream's header section as text, read strictly: what two readers could take for different things is refused. */

import { type ChunkGrammar, STRICT_CHUNKS } from "./chunked.ts";
import { ProxyError } from "../errors.ts";
import { SPACE, endOfBlanks, endOfText, parseFieldLines } from "./grammar.ts";
import { type ResponseFields, readResponseFields } from "../response-fields.ts";

/** The header section of an answer, interim (1xx) or final. Texts are the bytes that came, as latin1. */
export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  readonly fields: ResponseFields;
}

/** With what only the connection needs to know. */
export interface ParsedHead extends ResponseHead {
  readonly version: "1.0" | "1.1";
  /** As received: name, value, name, value, … */
  readonly rawFields: readonly string[];
}

/** How the header section and the chunks of a response are read. The functions throw a ProxyError (502) for malformed text. */
export interface ResponseReading {
  /** Reads a status line and the field lines behind it, each with its line end, without the empty line at the end. */
  parseHead(text: string): ParsedHead;
  /** Checks a status line whose end has not come yet. */
  checkBeginning(text: string): void;
  /** Checks a field line. `lineEnd` is what the status line ended with. */
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
 * Throws a ProxyError (502) for everything that is not HTTP/1.1's or 1.0's grammar.
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
  // RFC 9112 §4 wants the space also where no reason follows; many leave it out.
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

/** Checks the beginning of a status line that is not whole. Throws a ProxyError (502) where it is none. */
export function checkBeginning(text: string): void {
  if (!text.startsWith(START.slice(0, text.length))) throw new ProxyError("http_protocol_error");
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
