/** The bytes before an answer: 100 (Continue) is taken out of them, everything else passes. */

/** Sees the bytes of one connection, exchange by exchange. */
export interface InterimFilter {
  /** A new exchange begins: what comes next may be interim answers. */
  begin(): void;
  /** What of a chunk passes; empty where all of it was taken out, or is held until its line is complete. */
  pass(chunk: Buffer): Buffer;
  /** Where the final answer begins, as far as it came in one piece. Forgotten once it was asked for: an idle connection holds no bytes. */
  finalHead(): Buffer | undefined;
}

const START = Buffer.from("HTTP/1.");
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
  let held: Buffer = NOTHING;

  return {
    begin() {
      isFinal = false;
      head = undefined;
      held = NOTHING;
    },
    pass(chunk) {
      if (isFinal) return chunk;
      const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      held = NOTHING;
      return mayBeInterim(bytes) ? sift(bytes) : passFinal(bytes);
    },
    finalHead() {
      const first = head;
      head = undefined;
      return first;
    },
  };

  function passFinal(bytes: Buffer): Buffer {
    isFinal = true;
    head = bytes;
    return bytes;
  }

  function sift(bytes: Buffer): Buffer {
    const passed: Buffer[] = [];
    let rest = bytes;
    while (rest.length > 0) {
      if (!mayBeInterim(rest)) {
        passed.push(passFinal(rest));
        break;
      }
      const end = rest.indexOf("\r\n\r\n");
      if (end === -1) {
        if (rest.length > MOST_HELD_BYTES) passed.push(passFinal(rest));
        else held = rest;
        break;
      }
      if (rest.toString("latin1", STATUS_AT, STATUS_END) === "100") onContinue();
      else passed.push(rest.subarray(0, end + 4));
      rest = rest.subarray(end + 4);
    }
    return passed.length === 1 && passed[0] !== undefined ? passed[0] : Buffer.concat(passed);
  }
}

/** Whether the bytes begin an interim answer, or are too few to tell. */
function mayBeInterim(bytes: Buffer): boolean {
  const status = bytes[STATUS_AT];
  if (status !== undefined && status !== ONE) return false;
  const length = Math.min(bytes.length, START.length);
  return bytes.compare(START, 0, length, 0, length) === 0;
}
