/** Decodes the chunked transfer coding (RFC 9112 §7.1). It is strict: recipients that read a size differently find different ends. */

import type { ProxyError } from "../errors.ts";
import { parseFieldLines } from "./grammar.ts";
import { createHeldBytes, endOfLine } from "./held-bytes.ts";

/** Called with a piece of content: `bytes` from `start` to `end`, which are borrowed until it returns. */
type OnContent = (bytes: Buffer, start: number, end: number) => void;

/** Reads the chunked content of one message after another. */
export interface ChunkReader {
  begin(grammar?: ChunkGrammar): void;
  /**
   * Reads from `start` up to `length` and returns where it stopped: at `length` or at the end of the message. Throws the error of
   * `toError`. The contents of small chunks are moved together within `bytes`.
   */
  read(bytes: Buffer, start: number, length: number, onContent: OnContent): number;
  /** The trailer fields: name, value, name, value, …; undefined until the message has ended. */
  trailers(): readonly string[] | undefined;
}

/** The grammar of the lines around the chunks. */
export interface ChunkGrammar {
  /** Matches a line with its CRLF: group 1 is the size, group 2 the extensions. */
  readonly sizeLine: RegExp;
  /** Reads a trailer line with its CRLF: name, value. Undefined if it is malformed. */
  parseTrailer(line: string): readonly string[] | undefined;
}

type State = "size" | "data" | "data-end" | "trailers" | "over";

const CR = 0x0d;
const LF = 0x0a;
/** Limits: one line with a size and its extensions, all extensions of a message together, and a trailer section with its end. */
const MAX_LINE_BYTES = 4 * 1024;
const MAX_EXTENSION_BYTES = 16 * 1024;
const MAX_TRAILER_BYTES = 16 * 1024 + 2;
/**
 * A chunk up to this size is moved behind the one before it. Otherwise a peer that sends chunks of one byte would cause one call per
 * byte, which costs a thousand times as much. To move a longer chunk costs more than a call.
 */
const MAX_MOVED_BYTES = 1024;

/**
 * The largest number of digits of a chunk size: 2^52 - 1 at most, which a double holds exactly. The grammar allows only the extensions of
 * RFC 9112 §7.1.1: recipients differ in how they read spaces behind the digits, and a `;` with nothing behind it.
 */
export const MAX_DIGITS = 13;
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const QUOTED = String.raw`"(?:[\t\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"`;
/** The grammar of RFC 9112 §7.1. */
export const STRICT_CHUNKS: ChunkGrammar = {
  sizeLine: new RegExp(
    String.raw`^([0-9A-Fa-f]{1,${MAX_DIGITS}})((?:;[\t ]*${TOKEN}(?:[\t ]*=[\t ]*(?:${TOKEN}|${QUOTED}))?[\t ]*)*)\r\n$`,
  ),
  parseTrailer: (line) => parseFieldLines(line, 0),
};

/** Why chunked content is refused: it is malformed, or its extensions or trailers are too large. */
export type ChunkFault = "malformed" | "extensions" | "trailers";

/** Creates the reader of one connection. */
// oxlint-disable-next-line max-lines-per-function -- one state machine; its states are the functions below
export function createChunkReader(toError: (fault: ChunkFault) => ProxyError): ChunkReader {
  let state: State = "over";
  let grammar = STRICT_CHUNKS;
  /** The beginning of an incomplete line, from earlier reads. */
  const held = createHeldBytes();
  let left = 0;
  let extensionBytes = 0;
  let trailerBytes = 0;
  let fields: string[] = [];
  /** The part of this read's content that `onContent` has not got yet. */
  let from = 0;
  let to = 0;

  return {
    begin(next = STRICT_CHUNKS) {
      grammar = next;
      state = "size";
      held.clear();
      extensionBytes = 0;
      trailerBytes = 0;
      fields = [];
    },
    trailers: () => (state === "over" ? fields : undefined),
    read(bytes, start, length, onContent) {
      let at = start;
      from = to = start;
      try {
        while (at < length && state !== "over") {
          if (state === "data") {
            const next = Math.min(at + left, length);
            left -= next - at;
            if (left === 0) state = "data-end";
            addContent(bytes, at, next, onContent);
            at = next;
          } else {
            at = readLine(bytes, at, length);
          }
        }
      } finally {
        flushContent(bytes, onContent);
      }
      return at;
    },
  };

  function addContent(bytes: Buffer, start: number, end: number, onContent: OnContent): void {
    if (from < to && end - start <= MAX_MOVED_BYTES) {
      bytes.copyWithin(to, start, end);
      to += end - start;
    } else {
      flushContent(bytes, onContent);
      from = start;
      to = end;
    }
  }

  function flushContent(bytes: Buffer, onContent: OnContent): void {
    const start = from;
    from = to; // not passed on twice if the receiver throws
    if (start < to) onContent(bytes, start, to);
  }

  function readLine(bytes: Buffer, start: number, length: number): number {
    const plainEnd = held.length() === 0 ? readPlainLine(bytes, start, length) : -1;
    if (plainEnd !== -1) return plainEnd;
    const end = endOfLine(bytes, start, length);
    const next = end === -1 ? length : end;
    checkLength(held.length() + next - start);
    if (end !== -1) onLine(takeLine(bytes, start, end));
    else if (state === "data-end" && !isCutEnd(bytes, start, length)) throw toError("malformed");
    else held.append(bytes, start, length);
    return next;
  }

  function isCutEnd(bytes: Buffer, start: number, length: number): boolean {
    return held.length() === 0 && length - start === 1 && bytes[start] === CR;
  }

  /** Reads a line with only a size, or the end of a chunk, without creating a text: nearly every line. Returns -1 for other or cut lines. */
  function readPlainLine(bytes: Buffer, start: number, length: number): number {
    if (state === "trailers") return -1;
    let at = start;
    let size = 0;
    if (state === "size") {
      const maxEnd = Math.min(length, start + MAX_DIGITS);
      let digit = toDigit(bytes[at]);
      for (; at < maxEnd && digit !== -1; digit = toDigit(bytes[at])) {
        size = size * 16 + digit;
        at += 1;
      }
      if (at === start) return -1;
    }
    if (at + 2 > length || bytes[at] !== CR || bytes[at + 1] !== LF) return -1;
    if (state === "size") beginChunk(size);
    else state = "size";
    return at + 2;
  }

  function checkLength(lineBytes: number): void {
    if (state === "data-end" && lineBytes > 2) throw toError("malformed");
    if (state === "size" && lineBytes > MAX_LINE_BYTES) throw toError("extensions");
    if (state === "trailers" && trailerBytes + lineBytes > MAX_TRAILER_BYTES)
      throw toError("trailers");
  }

  function takeLine(bytes: Buffer, start: number, end: number): string {
    if (held.length() === 0) return bytes.toString("latin1", start, end);
    held.append(bytes, start, end);
    const line = held.toText(0, held.length());
    held.clear();
    return line;
  }

  function onLine(line: string): void {
    if (state === "size") onSize(line);
    else if (state === "trailers") onTrailer(line);
    else if (line === "\r\n") state = "size";
    else throw toError("malformed");
  }

  function onSize(line: string): void {
    const [, size, extensions = ""] = grammar.sizeLine.exec(line) ?? [];
    if (size === undefined) throw toError("malformed");
    extensionBytes += extensions.length;
    if (extensionBytes > MAX_EXTENSION_BYTES) throw toError("extensions");
    beginChunk(Number.parseInt(size, 16));
  }

  function beginChunk(size: number): void {
    left = size;
    state = size === 0 ? "trailers" : "data";
  }

  function onTrailer(line: string): void {
    trailerBytes += line.length;
    if (line === "\r\n") {
      state = "over";
      return;
    }
    const field = grammar.parseTrailer(line);
    if (field === undefined) throw toError("malformed");
    fields.push(...field);
  }
}

/** Returns the value of a hexadecimal digit, or -1. */
function toDigit(code = 0): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20; // in lower case
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
