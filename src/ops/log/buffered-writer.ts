/** Writes lines to a file descriptor in batches, without blocking the data path. */

import { growBuffer } from "./grow-buffer.ts";

/** Accepts finished lines. */
export interface BufferedWriter {
  /** Takes `count` complete lines, each with its newline. The caller may reuse the bytes when this returns. */
  write(lines: Uint8Array, count: number): void;
  /** Resolves when every line is written, at the first error, or after one second. It never rejects. */
  flush(): Promise<void>;
  /** The number of lines that were dropped since the start: the reader was too slow, or writing failed. */
  droppedLines(): number;
}

/** Writes as many bytes as the destination accepts, and passes their number to `done`. It never calls `done` synchronously. */
export type WriteSome = (
  bytes: Uint8Array,
  done: (error: NodeJS.ErrnoException | null, written: number) => void,
) => void;

/** The writer's delays, in milliseconds. */
export interface WriterDelays {
  /** How long it waits for more lines before it writes a batch. */
  readonly batchMs: number;
  /** The pause after EAGAIN, when the reader is slow. 1 MiB of pending lines lasts 200 ms at 20,000 lines a second. */
  readonly slowReaderMs: number;
  /** The pause after any other error. It doubles with each further error, up to `maxErrorMs`. */
  readonly errorMs: number;
  readonly maxErrorMs: number;
}

/** The maximum of bytes that wait for a slow reader: about 2,500 lines. Further lines are dropped. */
const MAX_PENDING = 1024 * 1024;

/**
 * Each write goes through Node's thread pool. On a busy core it costs 0.2 ms or more for the thread switches, independent of its size.
 * Lines are therefore written in batches: after `batchMs`, or when this many bytes wait.
 */
const BATCH_SIZE = 512 * 1024;
const FIRST_SIZE = 32 * 1024;

const DELAYS: WriterDelays = { batchMs: 50, slowReaderMs: 5, errorMs: 100, maxErrorMs: 5_000 };

const FLUSH_DEADLINE_MS = 1000;

const NEWLINE = 10;
const NOTHING = Buffer.alloc(0);

/**
 * Collects lines and writes one batch at a time. With several writes at a time, a slow disk could occupy all four threads of Node's
 * pool.
 *
 * No error ends the log. A full disk (ENOSPC, EDQUOT) may get free space, a terminal (EIO) may come back, and a named pipe without a
 * reader (EPIPE) gets a new reader when the log collector restarts. An ordinary pipe or a socket without a reader stays broken, but
 * headgate cannot distinguish these cases, and a failing write every 5 s costs almost nothing.
 *
 * An error drops the lines that wait at that moment, and the writer counts them. Lines that arrive during the pause are the next batch.
 * The writer does not keep the failed lines: that would save some lines of a short fault, but the counter would not show the fault
 * until 1 MiB of lines waits.
 */
export function createBufferedWriter(
  write: WriteSome,
  delays: WriterDelays = DELAYS,
): BufferedWriter {
  let pending: Buffer = Buffer.allocUnsafeSlow(FIRST_SIZE);
  let spare: Buffer = Buffer.allocUnsafeSlow(FIRST_SIZE);
  let pendingSize = 0;
  let pendingLines = 0;
  /** The part of the current batch that is not yet written. */
  let rest: Buffer = NOTHING;
  /** Whether `rest` begins in the middle of a line, because the line's beginning is already written. */
  let isTorn = false;
  let isWriting = false;
  let dropped = 0;
  let isOver = false;
  let batching: NodeJS.Timeout | undefined;
  let pausing: NodeJS.Timeout | undefined;
  let errorMs = 0;
  let whenWritten: (() => void) | undefined;

  function send(): void {
    clearTimeout(batching);
    batching = undefined;
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
      // Lines that arrived during the write have waited long enough.
      send();
    } else if (error.code === "EAGAIN") {
      // Not unref'd: a process that has no other work left still writes its last lines before it exits.
      pausing = setTimeout(goOn, delays.slowReaderMs);
    } else {
      dropLines();
      if (whenWritten !== undefined) return giveUp();
      errorMs = Math.min(2 * errorMs || delays.errorMs, delays.maxErrorMs);
      // A log that cannot be written must not keep the process alive.
      pausing = setTimeout(goOn, errorMs).unref();
    }
  }

  function goOn(): void {
    clearTimeout(pausing);
    pausing = undefined;
    send();
  }

  // Keeps the rest of a partly written line. It is written first after the pause, so that the next line begins on a new line.
  function dropLines(): void {
    const kept = isTorn ? rest.indexOf(NEWLINE) + 1 : 0;
    dropped += countLines(rest.subarray(kept)) + pendingLines;
    rest = rest.subarray(0, kept);
    pendingSize = pendingLines = 0;
  }

  function giveUp(): void {
    isOver = true;
    dropped += countLines(rest) + pendingLines;
    clearTimeout(batching);
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
      // Not unref'd, for the reason given in `onWritten`.
      else batching ??= setTimeout(send, delays.batchMs);
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

/** Counts newlines. In the pretty format, a message with several lines counts as several. */
function countLines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) count += 1;
  return count;
}
