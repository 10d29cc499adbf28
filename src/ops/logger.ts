/** The log: flat JSON objects, one a line, written without ever holding up the data path. */

import { destination as openStream, pino } from "pino";

import { toPretty } from "./pretty.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

/** Flat on purpose: every log store can index it and no value needs a serializer. Undefined values are left out. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

type Log = (fields: LogFields, msg: string) => void;

export interface Logger extends Readonly<Record<LogLevel, Log>> {
  /** Resolves once every line is written, or after a second if nobody reads. To be awaited before the process exits. */
  flush(): Promise<void>;
  setLevel(level: LogLevel | "silent"): void;
  /** Lines that were given up because the reader was too slow or gone. */
  droppedLines(): number;
}

export interface LoggerOptions {
  readonly level: LogLevel | "silent";
  readonly format: "json" | "pretty";
}

/**
 * Where lines go: a file descriptor, or a function that gets each line with its newline (tests).
 * "async" is for the service; "sync" for commands, which end before an asynchronous write would.
 */
export type LogDestination =
  | { readonly fd: number; readonly write: "async" | "sync" }
  | ((line: string) => void);

interface Sink extends Pick<Logger, "flush" | "droppedLines"> {
  write(line: string): void;
}

/** Characters that may wait for a slow reader: some 2,500 lines. Beyond it lines are dropped, not buffered. */
const MAX_PENDING = 1024 * 1024;

/** A write costs a trip through the thread pool (about 15 µs), so lines are gathered: up to this size or this long. */
const BATCH_SIZE = 16 * 1024;
const BATCH_DELAY_MS = 50;

const FLUSH_DEADLINE_MS = 1000;

/** Opens the log. Without a destination it writes to standard output, asynchronously. */
export function createLogger(
  options: LoggerOptions,
  destination: LogDestination = { fd: 1, write: "async" },
): Logger {
  const sink = openSink(destination);
  const write =
    options.format === "pretty"
      ? (line: string) => sink.write(toPretty(line))
      : (line: string) => sink.write(line);
  const log = pino(
    {
      level: options.level,
      // No pid and hostname: the one is 1 in a container and whoever collects the lines adds the other.
      base: {},
      timestamp: createTimestamp(),
      formatters: { level: (label) => ({ level: label }) },
    },
    { write },
  );
  return {
    debug: (fields, msg) => log.debug(fields, msg),
    info: (fields, msg) => log.info(fields, msg),
    warn: (fields, msg) => log.warn(fields, msg),
    error: (fields, msg) => log.error(fields, msg),
    setLevel(level) {
      log.level = level;
    },
    flush: sink.flush,
    droppedLines: sink.droppedLines,
  };
}

/** ISO time, formatted once a millisecond: under load many lines share it, and formatting costs more than the rest. */
function createTimestamp(): () => string {
  let formattedMs = -1;
  let text = "";
  return () => {
    const nowMs = Date.now();
    if (nowMs !== formattedMs) {
      formattedMs = nowMs;
      text = `,"time":"${new Date(nowMs).toISOString()}"`;
    }
    return text;
  };
}

function openSink(destination: LogDestination): Sink {
  if (typeof destination === "function") return toSink(destination);
  if (destination.write === "async") return openAsyncSink(destination.fd);
  const stream = openStream({ dest: destination.fd, sync: true });
  return toSink((line) => void stream.write(line));
}

function toSink(write: (line: string) => void): Sink {
  return { write, flush: () => Promise.resolve(), droppedLines: () => 0 };
}

/**
 * Lines wait here, and the stream gets a batch only while it has none: what it would queue itself is lost when the process
 * exits, its limit drops what is newest without counting lines, and its exit hook retries a broken pipe for ever.
 */
function openAsyncSink(fd: number): Sink {
  const stream = openStream({ dest: fd, sync: false, maxLength: MAX_PENDING });
  let pending = "";
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
    const batch = pending;
    writingLines = pendingLines;
    pending = "";
    pendingLines = 0;
    stream.write(batch);
  }

  function giveUp(): void {
    isBroken = true;
    dropped += pendingLines + writingLines;
    pending = "";
    pendingLines = writingLines = 0;
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
  stream.on("error", giveUp);

  return {
    write(line) {
      if (isBroken || pending.length + line.length > MAX_PENDING) {
        dropped += 1;
        return;
      }
      pending += line;
      pendingLines += 1;
      if (pending.length >= BATCH_SIZE) send();
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
