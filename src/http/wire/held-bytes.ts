/** Collects bytes that come in pieces. */

const LF = 0x0a;
const NOTHING = Buffer.alloc(0);
/** The first size: enough for most header sections of browsers, which are the most frequent use. */
const FIRST_BYTES = 1024;

/** Holds bytes in one buffer that grows by doubling, so that the cost of a piece does not depend on the number of pieces before it. */
export interface HeldBytes {
  length(): number;
  append(bytes: Buffer, start: number, end: number): void;
  /** Returns the end of the line that contains `start`, behind its LF; -1 if there is none. */
  endOfLine(start: number): number;
  /** Returns all bytes, and is empty afterwards. */
  take(): Buffer;
  /** Returns a part as latin1. */
  toText(start: number, end: number): string;
  /** Drops all bytes and the memory, so that an idle connection holds none. */
  clear(): void;
}

/**
 * Creates an empty store.
 *
 * A text to which each piece is added was rejected: V8 flattens it for each search, and until then holds 32 bytes for each piece. A peer
 * that sends single bytes would thus occupy thirty times as much memory as it sent.
 */
export function createHeldBytes(): HeldBytes {
  let memory: Buffer | undefined;
  let length = 0;
  const clear = (): void => {
    memory = undefined;
    length = 0;
  };
  return {
    length: () => length,
    append(bytes, start, end) {
      const needed = length + end - start;
      if (memory === undefined || needed > memory.length) {
        const larger = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, needed, length * 2));
        memory?.copy(larger, 0, 0, length);
        memory = larger;
      }
      bytes.copy(memory, length, start, end);
      length = needed;
    },
    endOfLine: (start) => (memory === undefined ? -1 : endOfLine(memory, start, length)),
    toText: (start, end) => memory?.toString("latin1", start, end) ?? "",
    take() {
      const bytes = memory?.subarray(0, length) ?? NOTHING;
      clear();
      return bytes;
    },
    clear,
  };
}

/**
 * Returns the end of the line that contains `start`, behind its LF; -1 if there is none before `end`. `Buffer.indexOf` would search
 * beyond `end`, in bytes of an earlier read.
 */
export function endOfLine(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== LF) at += 1;
  return at < end ? at + 1 : -1;
}
