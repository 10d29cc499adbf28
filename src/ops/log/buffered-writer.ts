/** Lines on their way out of the process, without ever holding up the data path. */

import { growBuffer } from "./grow-buffer.ts";

/** Where finished lines go. */
export interface BufferedWriter {
  /** Whole lines, `count` of them, each with its newline. The bytes are the caller's again when this returns. */
  write(lines: Uint8Array, count: number): void;
  /** Resolves once every line is written, at the first error, or after one second. Never rejects. */
  flush(): Promise<void>;
  /** Lines that were given up because the reader was too slow or they could not be written. */
  droppedLines(): number;
}

/** Writes as many bytes as there is room for, and calls back with their number, never before it returns. */
export type WriteSome = (
  bytes: Uint8Array,
  done: (error: NodeJS.ErrnoException | null, written: number) => void,
) => void;

/** The waits of the sink, in milliseconds. */
export interface WriterDelays {
  /** For more lines, before it writes a batch. */
  readonly batchMs: number;
  /** After EAGAIN: the reader is slow. 1 MiB lasts for 200 ms at 20,000 lines a second. */
  readonly slowReaderMs: number;
  /** After any other error; doubled with each further one, up to `maxErrorMs`. */
  readonly errorMs: number;
  readonly maxErrorMs: number;
}

/** Bytes that may wait for a slow reader: some 2,500 lines. Further lines are dropped. */
const MAX_PENDING = 1024 * 1024;

/**
 * A write is a trip through the thread pool. On a core that is busy it costs 0.2 ms and more with the switches there and back,
 * whatever its size, so lines are gathered: up to this many bytes, or for `gatherMs`.
 */
const BATCH_SIZE = 512 * 1024;
const FIRST_SIZE = 32 * 1024;

const DELAYS: WriterDelays = { batchMs: 50, slowReaderMs: 5, errorMs: 100, maxErrorMs: 5_000 };

const FLUSH_DEADLINE_MS = 1000;

const NEWLINE = 10;
const NOTHING = Buffer.alloc(0);

/**
 * Lines gather here, and one batch of them is written at a time. Without this limit, a slow disk would take all four of node's
 * threads.
 *
 * No error ends the log. A full disk (ENOSPC, EDQUOT) gets room again, a terminal (EIO) may come back, and a named pipe without a
 * reader (EPIPE) gets a new one when the log collector is restarted. An ordinary pipe or a socket whose reader is gone stays
 * broken, but headgate cannot tell these apart, and a failing write every 5 s costs nothing. An error costs the lines that wait at
 * that moment, and the sink counts them; the lines that gather during the pause are the next batch. Keeping the failed lines would
 * save some of a short fault, but the count would not show the fault until 1 MiB of them had gathered.
 */
export function createBufferedWriter(
  write: WriteSome,
  delays: WriterDelays = DELAYS,
): BufferedWriter {
  let pending: Buffer = Buffer.allocUnsafeSlow(FIRST_SIZE);
  let spare: Buffer = Buffer.allocUnsafeSlow(FIRST_SIZE);
  let pendingSize = 0;
  let pendingLines = 0;
  /** The part of the current batch that is still to be written. */
  let rest: Buffer = NOTHING;
  /** The first line of `rest` lacks its beginning, which is already written. */
  let isTorn = false;
  let isWriting = false;
  let dropped = 0;
  let isOver = false;
  let gathering: NodeJS.Timeout | undefined;
  let pausing: NodeJS.Timeout | undefined;
  let errorMs = 0;
  let whenWritten: (() => void) | undefined;

  function send(): void {
    clearTimeout(gathering);
    gathering = undefined;
    if (isWriting || pausing !== undefined) return;
    if (rest.length === 0) takeBatch();
    if (rest.length === 0) return whenWritten?.();
    isWriting = true;
    write(rest, onWritten);
  }

  function takeBatch(): void {
    rest = pending.subarray(0, pendingSize);
    [pending, spare] = [spare, pending];
    pendingSize = pendingLines = 0;
  }

  function onWritten(error: NodeJS.ErrnoException | null, written: number): void {
    isWriting = false;
    if (isOver) return;
    if (error === null) {
      if (written > 0) isTorn = rest[written - 1] !== NEWLINE;
      rest = rest.subarray(written);
      if (rest.length === 0) errorMs = 0;
      // What gathered during the write has waited long enough.
      send();
    } else if (error.code === "EAGAIN") {
      // Not unref'd: a process that simply runs out of work still writes its last lines.
      pausing = setTimeout(goOn, delays.slowReaderMs);
    } else {
      dropLines();
      if (whenWritten !== undefined) return giveUp();
      errorMs = Math.min(2 * errorMs || delays.errorMs, delays.maxErrorMs);
      // A log that cannot be written must not keep the process.
      pausing = setTimeout(goOn, errorMs).unref();
    }
  }

  function goOn(): void {
    clearTimeout(pausing);
    pausing = undefined;
    send();
  }

  // A line that was half written stays: its end comes first when writing is possible again, so that the next line is readable.
  function dropLines(): void {
    const kept = isTorn ? rest.indexOf(NEWLINE) + 1 : 0;
    dropped += countLines(rest.subarray(kept)) + pendingLines;
    rest = rest.subarray(0, kept);
    pendingSize = pendingLines = 0;
  }

  function giveUp(): void {
    isOver = true;
    dropped += countLines(rest) + pendingLines;
    clearTimeout(gathering);
    clearTimeout(pausing);
    whenWritten?.();
  }

  return {
    write(lines, count) {
      if (isOver || pendingSize + lines.length > MAX_PENDING) {
        dropped += count;
        return;
      }
      pending = growBuffer(pending, pendingSize, lines.length);
      pending.set(lines, pendingSize);
      pendingSize += lines.length;
      pendingLines += count;
      if (pendingSize >= BATCH_SIZE) send();
      // Not unref'd, for the same reason.
      else gathering ??= setTimeout(send, delays.batchMs);
    },
    async flush() {
      if (isOver) return;
      const written = new Promise<void>((resolve) => (whenWritten = resolve));
      const deadline = setTimeout(giveUp, FLUSH_DEADLINE_MS).unref();
      goOn();
      await written;
      whenWritten = undefined;
      clearTimeout(deadline);
    },
    droppedLines: () => dropped,
  };
}

/** A message of headgate's own that has several lines, which the pretty format has, counts as several. */
function countLines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) count += 1;
  return count;
}
