/** Lines on their way out of the process, without ever holding up the data path. */

import { withRoom } from "./room.ts";

/** Where finished lines go. */
export interface Sink {
  /** Whole lines, `count` of them, each with its newline. The bytes are the caller's again when this returns. */
  write(lines: Uint8Array, count: number): void;
  /** Resolves once every line is written, or after a second if nobody reads. */
  flush(): Promise<void>;
  /** Lines that were given up because the reader was too slow or gone. */
  droppedLines(): number;
}

/** What of pino's stream is used here: with bytes, which its own types do not know. */
export interface ByteStream {
  write(bytes: Uint8Array): unknown;
  on(event: "drain", listener: () => void): unknown;
  on(event: "error", listener: (error: NodeJS.ErrnoException) => void): unknown;
  destroy(): void;
}

/** Bytes that may wait for a slow reader: some 2,500 lines. Beyond it lines are dropped, not buffered. */
export const MAX_PENDING = 1024 * 1024;

/**
 * A write is a trip through the thread pool. On a core that is busy it costs 0.2 ms and more with the switches there and back,
 * whatever its size, so lines are gathered: up to this many bytes or this long.
 */
const BATCH_SIZE = 512 * 1024;
const BATCH_DELAY_MS = 50;
const FIRST_SIZE = 32 * 1024;

/** How long a pipe that is full is left alone. The stream's own 100 ms are longer than 1 MiB lasts at 20,000 lines a second. */
const RETRY_MS = 5;
const NOTHING = Buffer.alloc(0);

const FLUSH_DEADLINE_MS = 1000;

/**
 * Lines wait here, and the stream gets a batch only while it has none: what it would queue itself is lost when the process
 * exits, its limit drops what is newest without counting lines, and its exit hook retries a broken pipe for ever.
 */
export function createBatchSink(stream: ByteStream): Sink {
  let pending: Buffer = Buffer.allocUnsafeSlow(FIRST_SIZE);
  let spare: Buffer = Buffer.allocUnsafeSlow(FIRST_SIZE);
  let pendingSize = 0;
  let pendingLines = 0;
  let writingLines = 0;
  let dropped = 0;
  let isBroken = false;
  let timer: NodeJS.Timeout | undefined;
  let whenWritten: (() => void) | undefined;

  function send(): void {
    clearTimeout(timer);
    timer = undefined;
    if (writingLines > 0 || pendingLines === 0 || isBroken) return;
    const batch = pending.subarray(0, pendingSize);
    writingLines = pendingLines;
    [pending, spare] = [spare, pending];
    pendingSize = pendingLines = 0;
    stream.write(batch);
  }

  // It keeps what was not written, and any write makes it go on.
  function retry(): void {
    if (!isBroken) stream.write(NOTHING);
  }

  function giveUp(): void {
    isBroken = true;
    dropped += pendingLines + writingLines;
    pendingSize = pendingLines = writingLines = 0;
    clearTimeout(timer);
    // Otherwise the stream's own exit hook would retry what is in flight, and the process would never end.
    stream.destroy();
    whenWritten?.();
  }

  stream.on("drain", () => {
    if (isBroken) return;
    writingLines = 0;
    // What gathered during the write has waited long enough.
    send();
    if (writingLines === 0) whenWritten?.();
  });
  // EPIPE: the reader is gone; ENOSPC, EIO: the disk or terminal. Serving goes on without a log, which `droppedLines` tells.
  stream.on("error", ({ code }) => {
    if (code === "EAGAIN" || code === "EBUSY") setTimeout(retry, RETRY_MS);
    else giveUp();
  });

  return {
    write(lines, count) {
      if (isBroken || pendingSize + lines.length > MAX_PENDING) {
        dropped += count;
        return;
      }
      pending = withRoom(pending, pendingSize, lines.length);
      pending.set(lines, pendingSize);
      pendingSize += lines.length;
      pendingLines += count;
      if (pendingSize >= BATCH_SIZE) send();
      // Not unref'd: a process that simply runs out of work still writes its last lines.
      else timer ??= setTimeout(send, BATCH_DELAY_MS);
    },
    async flush() {
      send();
      if (writingLines === 0) return;
      await new Promise<void>((resolve) => {
        whenWritten = resolve;
        setTimeout(resolve, FLUSH_DEADLINE_MS).unref();
      });
      if (writingLines > 0) giveUp();
    },
    droppedLines: () => dropped,
  };
}
