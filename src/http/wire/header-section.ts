/** A header section that comes in more than one piece. */

import type { ProxyError } from "../errors.ts";
import { createHeldBytes } from "./held-bytes.ts";
import { MAX_METHOD_BYTES } from "./request-head.ts";

const CR = 0x0d;
const LF = 0x0a;
const CRLF = "\r\n";
/** Tells one protocol from another: longer than any method with the space behind it, and than `HTTP/1.1`. */
const BEGINNING_BYTES = MAX_METHOD_BYTES + 2;

/** Each check throws for what cannot become a header section any more: its end, which is waited for, may never come. */
export interface HeadRules {
  /** Of all its lines, with the empty one. */
  readonly maxBytes: number;
  toTooLarge(): ProxyError;
  /** Whether to skip a line before the first one. */
  isSkipped(line: string): boolean;
  /** The beginning of a first line that is not whole. */
  onBeginning(text: string): void;
  /** The first line, with its line end. */
  onFirstLine(line: string): void;
  /** `lineEnd` is the line end of the first line. A line that is only that ends the section. */
  onFieldLine(line: string, lineEnd: string): void;
}

/** Holds a header section until it is whole, and has each of its lines checked once. */
export interface HeadSection {
  /** How many bytes it holds. */
  length(): number;
  /**
   * Takes the bytes from `start` up to `end`. Returns where among them the section ends, or -1 where it goes on. Throws what
   * the checks throw, and `toTooLarge`.
   */
  read(bytes: Buffer, start: number, end: number): number;
  /** Its lines, each with its line end, without the empty one at the end. The section is empty afterwards. */
  take(): string;
  clear(): void;
}

/** Creates the one of a connection. */
export function createHeadSection(rules: HeadRules): HeadSection {
  const held = createHeldBytes();
  /** Where the first line begins, after skipped ones. */
  let first = 0;
  /** Where the line begins that is not whole yet, or is the empty one. */
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
 * Where a header section that is here whole ends: behind the empty line after its last line (RFC 9112 §2.1), or -1 if no empty line ends
 * before `end`.
 *
 * It looks at every fourth byte. `Buffer.indexOf` crosses into C++, which takes three times as long for a short section, and would
 * look beyond `end`, at what an earlier read left there.
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
