/** Collects a header section that comes in more than one read. */

import type { ProxyError } from "../errors.ts";
import { createHeldBytes } from "./held-bytes.ts";
import { MAX_METHOD_BYTES } from "./request-head.ts";

const CR = 0x0d;
const LF = 0x0a;
const CRLF = "\r\n";
/** Enough to recognise another protocol: longer than any method with its space, and than `HTTP/1.1`. */
const BEGINNING_BYTES = MAX_METHOD_BYTES + 2;

/** Checks for the lines. Each one throws if the lines can no longer become a header section, because its end may then never come. */
export interface HeadRules {
  /** The largest size of all lines, with the empty one. */
  readonly maxBytes: number;
  toTooLarge(): ProxyError;
  /** Whether to skip a line before the first one. */
  isSkipped(line: string): boolean;
  /** Checks the beginning of an incomplete first line. */
  onBeginning(text: string): void;
  /** Checks the first line, with its line end. */
  onFirstLine(line: string): void;
  /** Checks a field line. `lineEnd` is the line end of the first line; a line of only that ends the section. */
  onFieldLine(line: string, lineEnd: string): void;
}

/** Holds a header section until it is complete, and checks each line once. */
export interface HeadSection {
  /** The number of bytes that it holds. */
  length(): number;
  /**
   * Adds the bytes from `start` up to `end`. Returns the index where the section ends, or -1 if it is incomplete. Throws the errors of the
   * checks, and that of `toTooLarge`.
   */
  read(bytes: Buffer, start: number, end: number): number;
  /** Returns its lines, each with its line end, without the empty line at the end. The section is empty afterwards. */
  take(): string;
  clear(): void;
}

/** Creates the section of one connection, empty. */
export function createHeadSection(rules: HeadRules): HeadSection {
  const held = createHeldBytes();
  /** Where the first line begins, behind skipped lines. */
  let first = 0;
  /** Where the incomplete line, or the empty line at the end, begins. */
  let lineStart = 0;
  let emptyLine = CRLF;

  function clear(): void {
    held.clear();
    first = 0;
    lineStart = 0;
  }

  return {
    length: held.length,
    read(bytes, start, end) {
      const before = held.length();
      held.append(bytes, start, Math.min(end, start + rules.maxBytes + 1 - before));
      let lineEnd = held.endOfLine(before);
      for (; lineEnd !== -1; lineEnd = held.endOfLine(lineStart)) {
        const line = held.toText(lineStart, lineEnd);
        if (lineStart > first) {
          if (line !== emptyLine) rules.onFieldLine(line, emptyLine);
          else if (lineEnd > rules.maxBytes) throw rules.toTooLarge();
          else return start + lineEnd - before;
        } else if (rules.isSkipped(line)) {
          first = lineEnd;
        } else {
          emptyLine = line.endsWith(CRLF) ? CRLF : "\n";
          rules.onFirstLine(line);
        }
        lineStart = lineEnd;
      }
      if (lineStart === first && before < first + BEGINNING_BYTES)
        rules.onBeginning(held.toText(first, Math.min(held.length(), first + BEGINNING_BYTES)));
      if (held.length() > rules.maxBytes) throw rules.toTooLarge();
      return -1;
    },
    take() {
      const lines = held.toText(first, lineStart);
      clear();
      return lines;
    },
    clear,
  };
}

/**
 * Returns the end of a complete header section: behind the empty line after its last line (RFC 9112 §2.1). Returns -1 if no empty line
 * ends before `end`.
 *
 * It examines every fourth byte. `Buffer.indexOf` calls into C++, which takes three times as long for a short section, and it would
 * search beyond `end`, in bytes of an earlier read.
 */
export function endOfSection(bytes: Buffer, start: number, end: number): number {
  let at = start + 3;
  while (at < end) {
    const code = bytes[at];
    if (code === LF) {
      if (bytes[at - 1] === CR && bytes[at - 2] === LF && bytes[at - 3] === CR) return at + 1;
      at += 2;
    } else at += code === CR ? 1 : 4;
  }
  return -1;
}
