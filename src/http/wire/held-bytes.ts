/** Bytes that came in pieces and are not complete yet. */

const LF = 0x0a;
const NOTHING = Buffer.alloc(0);
/** Most of what comes in more than one piece is the header section of a browser's request. */
const FIRST_BYTES = 1024;

/** Keeps bytes in one buffer that grows by doubling: a piece costs what it has, however many came before it. */
export interface HeldBytes {
  length(): number;
  append(bytes: Buffer, start: number, end: number): void;
  /** Where the line that `start` is in ends: behind its LF, or -1. */
  endOfLine(start: number): number;
  /** Hands all of them over, and keeps none. */
  take(): Buffer;
  /** As latin1. */
  toText(start: number, end: number): string;
  /** Lets go of the memory too: a connection that waits keeps none. */
  clear(): void;
}

/**
 * Creates an empty store.
 *
 * A text to which each piece is added was rejected: V8 joins it anew for each search, and until then keeps 32 bytes for each
 * piece, so that a peer which sends single bytes would hold thirty times what it sent.
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
 * Where the line that `start` is in ends: behind its LF, or -1 where none stands before `end`. `Buffer.indexOf` would look
 * beyond `end`, at what an earlier read left there.
 */
export function endOfLine(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== LF) at += 1;
  return at < end ? at + 1 : -1;
}
