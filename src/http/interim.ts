/** The bytes before an answer: 100 (Continue) is taken out of them, everything else passes. */

/** Sees the bytes of one connection, exchange by exchange. */
export interface InterimFilter {
  /** A new exchange begins: what comes next may be interim answers. */
  begin(): void;
  push(chunk: Buffer): void;
  /** The next bytes that pass: one interim answer, or all there is from the final one on. */
  next(): Buffer | undefined;
  /** Where the final answer begins, as far as it came in one piece. */
  finalHead(): Buffer | undefined;
}

const START = Buffer.from("HTTP/1.");
const END = "\r\n\r\n";
const ONE = 0x31;
/** Where a status line has its status code. */
const STATUS_AT = "HTTP/1.1 ".length;
const STATUS_END = STATUS_AT + 3;
// A header section that is longer is passed on as it is: whoever parses it refuses it for its size.
const MOST_HELD_BYTES = 16 * 1024;
const NOTHING = Buffer.alloc(0);

/**
 * Creates the filter of one connection; `onContinue` is told of each 100.
 *
 * A client has to expect a 100 at any time (RFC 9110 §15.2.1), also one it did not ask for, behind a 103, or in several
 * segments; undici takes each for the end of the connection.
 */
export function createInterimFilter(onContinue: () => void): InterimFilter {
  let isFinal = true;
  let head: Buffer | undefined;
  let pending: Buffer = NOTHING;

  return {
    begin() {
      isFinal = false;
      head = undefined;
      pending = NOTHING;
    },
    push(chunk) {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    },
    next() {
      while (pending.length > 0) {
        if (isFinal) return take(pending.length);
        const end = mayBeInterim(pending) ? pending.indexOf(END) : undefined;
        if (end === undefined || (end === -1 && pending.length > MOST_HELD_BYTES)) {
          isFinal = true;
          head = pending;
        } else if (end === -1) {
          return undefined;
        } else {
          const answer = take(end + END.length);
          if (answer.toString("latin1", STATUS_AT, STATUS_END) !== "100") return answer;
          onContinue();
        }
      }
      return undefined;
    },
    finalHead() {
      const first = head;
      head = undefined;
      return first;
    },
  };

  function take(length: number): Buffer {
    const taken = pending.subarray(0, length);
    pending = pending.subarray(length);
    return taken;
  }
}

/** Whether the bytes begin an interim answer, or are too few to tell. */
function mayBeInterim(bytes: Buffer): boolean {
  const status = bytes[STATUS_AT];
  if (status !== undefined && status !== ONE) return false;
  const length = Math.min(bytes.length, START.length);
  return bytes.compare(START, 0, length, 0, length) === 0;
}
