/** The chunked transfer coding, taken off (RFC 9112 §7.1): strictly, because who reads a size otherwise finds another end. */

import type { ProxyError } from "./errors.ts";
import { parseFieldLines } from "./grammar.ts";

/** Told of a piece of content; the bytes are only lent. */
type OnContent = (bytes: Buffer, start: number, end: number) => void;

/** Reads the chunks of one message after the other. */
export interface ChunkReader {
  begin(): void;
  /** Reads from `start` up to `length` and returns where it stopped, which is `length` or the end of the message. Throws what `toError` makes. */
  read(bytes: Buffer, start: number, length: number, onContent: OnContent): number;
  /** The trailer fields once the message has ended: name, value, name, value, … */
  trailers(): readonly string[] | undefined;
}

type State = "size" | "data" | "data-end" | "trailers" | "over";

const LF = 0x0a;
/** Of one line with a size and its extensions, of all extensions of a message together, and of a trailer section. */
const MOST_LINE_BYTES = 4 * 1024;
const MOST_EXTENSION_BYTES = 16 * 1024;
const MOST_TRAILER_BYTES = 16 * 1024;

// Thirteen digits are 2^52 - 1 at most, which a double still counts exactly. Spaces behind them, and a `;` with nothing behind
// it, are read differently by different readers; the extensions are RFC 9112 §7.1.1's.
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const QUOTED = String.raw`"(?:[\t\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*"`;
const SIZE_LINE = new RegExp(
  String.raw`^([0-9A-Fa-f]{1,13})((?:;[\t ]*${TOKEN}(?:[\t ]*=[\t ]*(?:${TOKEN}|${QUOTED}))?[\t ]*)*)\r\n$`,
);

/** What may be wrong: no chunks at all, or more of what surrounds them than anybody means. */
export type ChunkFault = "malformed" | "extensions" | "trailers";

/** Creates the reader of one connection. */
export function createChunkReader(toError: (fault: ChunkFault) => ProxyError): ChunkReader {
  let state: State = "over";
  let held = "";
  let left = 0;
  let extensionBytes = 0;
  let section = "";
  let fields: readonly string[] | undefined;

  return {
    begin() {
      state = "size";
      held = "";
      extensionBytes = 0;
      section = "";
      fields = undefined;
    },
    trailers: () => fields,
    read(bytes, start, length, onContent) {
      let at = start;
      while (at < length && state !== "over") {
        if (state === "data") {
          const next = Math.min(at + left, length);
          left -= next - at;
          if (left === 0) state = "data-end";
          onContent(bytes, at, next);
          at = next;
        } else {
          at = readLine(bytes, at, length);
        }
      }
      return at;
    },
  };

  function readLine(bytes: Buffer, start: number, length: number): number {
    const found = bytes.indexOf(LF, start);
    const isWhole = found !== -1 && found < length;
    const next = isWhole ? found + 1 : length;
    held += bytes.toString("latin1", start, next);
    if (state === "data-end" && !"\r\n".startsWith(held)) throw toError("malformed");
    if (state === "size" && held.length > MOST_LINE_BYTES) throw toError("extensions");
    if (state === "trailers" && held.length > MOST_TRAILER_BYTES) throw toError("trailers");
    if (isWhole) {
      const line = held;
      held = "";
      onLine(line);
    }
    return next;
  }

  function onLine(line: string): void {
    if (state === "data-end") state = "size";
    else if (state === "size") onSize(line);
    else if (!line.endsWith("\r\n")) throw toError("malformed");
    else if (line !== "\r\n") {
      section += line;
      if (section.length > MOST_TRAILER_BYTES) throw toError("trailers");
    } else {
      fields = parseFieldLines(section, 0);
      if (fields === undefined) throw toError("malformed");
      state = "over";
    }
  }

  function onSize(line: string): void {
    const [, size, extensions = ""] = SIZE_LINE.exec(line) ?? [];
    if (size === undefined) throw toError("malformed");
    extensionBytes += extensions.length;
    if (extensionBytes > MOST_EXTENSION_BYTES) throw toError("extensions");
    left = Number.parseInt(size, 16);
    state = left === 0 ? "trailers" : "data";
  }
}
