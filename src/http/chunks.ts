/** The chunked transfer coding, taken off (RFC 9112 §7.1): strictly, because who reads a size otherwise finds another end. */

import { malformed, parseFieldLines } from "./answer-head.ts";

/** Told of a piece of content; the bytes are only lent. */
type OnContent = (bytes: Buffer, start: number, end: number) => void;

/** Reads the chunks of one message after the other. */
export interface ChunkReader {
  begin(): void;
  /** Reads from `start` up to `length` and returns where it stopped, which is `length` or the end of the message. Throws a ProxyError (502). */
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

// Thirteen digits are 2^52 - 1 at most, which a double still counts exactly. Spaces before the end, and a `;` with nothing
// behind it, are read differently by different readers.
const SIZE_LINE = /^([0-9A-Fa-f]{1,13})(;[\t\x20-\x7e\x80-\xff]+)?\r\n$/;

/** Creates the reader of one connection. */
export function createChunkReader(): ChunkReader {
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
    if (state === "data-end" && !"\r\n".startsWith(held)) throw malformed();
    if (held.length > (state === "trailers" ? MOST_TRAILER_BYTES : MOST_LINE_BYTES))
      throw malformed();
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
    else if (line !== "\r\n") {
      section += line;
      if (section.length > MOST_TRAILER_BYTES) throw malformed();
    } else {
      fields = parseFieldLines(section, 0);
      state = "over";
    }
  }

  function onSize(line: string): void {
    const [, size, extensions = ""] = SIZE_LINE.exec(line) ?? [];
    if (size === undefined) throw malformed();
    extensionBytes += extensions.length;
    if (extensionBytes > MOST_EXTENSION_BYTES) throw malformed();
    left = Number.parseInt(size, 16);
    state = left === 0 ? "trailers" : "data";
  }
}
