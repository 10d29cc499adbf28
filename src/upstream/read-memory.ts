/** Memory that a socket reads into, and the proof that a read really went there. */

/** The largest size of one read, as with Node's own sockets. */
const READ_BYTES = 64 * 1024;

/**
 * Memory for one read at a time.
 *
 * Node calls `onread.callback` with the length of a read even where the handle was never given the memory: the bytes are then
 * lost, and the memory still holds an earlier read, which may be another client's response. So `arm` writes a random mark at the
 * start of the memory, and a read that left the mark in place counts as not delivered.
 */
export interface ReadMemory {
  readonly bytes: Buffer;
  /** Writes the mark. To be called before each read. */
  arm(): void;
  /**
   * Whether a read of `length` bytes replaced the mark. A read of fewer than four bytes proves nothing and counts as delivered:
   * what it leaves behind is the mark, never earlier content, and no response begins with the mark's first byte.
   */
  isDelivered(length: number): boolean;
}

/** Creates the memory, armed. */
export function createReadMemory(): ReadMemory {
  const bytes = Buffer.allocUnsafeSlow(READ_BYTES);
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, 2);
  // The first byte is NUL on every machine, and a response cannot begin with it.
  const mark = new Uint32Array(Uint8Array.of(0, ...randomBytes(7)).buffer);
  const [first = 0, second = 0] = mark;
  const arm = (): void => {
    words[0] = first;
    words[1] = second;
  };
  arm();
  return {
    bytes,
    arm,
    isDelivered: (length) =>
      length < 4 || words[0] !== first || (length >= 8 && words[1] !== second),
  };
}

function randomBytes(count: number): number[] {
  return Array.from({ length: count }, () => Math.floor(Math.random() * 256));
}
