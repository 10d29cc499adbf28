/** The log: one flat JSON object per line. Writing never blocks the data path. */

import { write as writeSome } from "node:fs";
import { destination as openStream, pino } from "pino";

import { toOwnPretty, toPretty } from "./pretty.ts";
import { createBufferedWriter, type BufferedWriter } from "./buffered-writer.ts";
import { createTimestamp } from "./timestamp.ts";

/** The levels, from the least to the most severe. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** Flat, so that every log store can index it and no value needs a serializer. Undefined values are left out. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

type Log = (fields: LogFields, msg: string) => void;

/** The log of the process. A method per level writes one line. */
export interface Logger extends Readonly<Record<LogLevel, Log>> {
  /** Whether the log writes lines of this level. */
  isEnabled(level: LogLevel): boolean;
  /**
   * Writes `count` finished lines of JSON, each with its newline. It does not check their level. The caller may reuse the bytes when
   * this returns. It is for frequent lines, for which pino would cost too much.
   */
  lines(bytes: Uint8Array, count: number): void;
  /** Resolves when every line is written, at the first error, or after one second. Await it before the process exits. */
  flush(): Promise<void>;
  /** Changes the level. "silent" writes no lines, except those passed to `lines`. */
  setLevel(level: LogLevel | "silent"): void;
  /** The number of lines that were dropped since the start: the log's reader was too slow, or writing failed. */
  droppedLines(): number;
}

/** How lines look, and which are written. */
export interface LoggerOptions {
  readonly level: LogLevel | "silent";
  readonly format: "json" | "pretty";
}

/**
 * Where lines go: a file descriptor, or a function that gets each line with its newline (for tests).
 * "async" is for the service. "sync" is for commands, which would exit before an asynchronous write has finished.
 */
export type LogDestination =
  | { readonly fd: number; readonly write: "async" | "sync" }
  | ((line: string) => void);

/** Opens the log. The default destination is standard output, asynchronously. */
export function createLogger(
  options: LoggerOptions,
  destination: LogDestination = { fd: 1, write: "async" },
): Logger {
  const writer = openWriter(destination);
  const isPretty = options.format === "pretty";
  const lines = isPretty
    ? (bytes: Uint8Array, count: number) =>
        writer.write(Buffer.from(toLines(bytes).map(toPretty).join("")), count)
    : writer.write;
  const log = pino(
    {
      level: options.level,
      // No pid and no hostname. The pid is 1 in a container, and the log collector adds the hostname.
      base: {},
      timestamp: createTimestamp(),
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => writer.write(Buffer.from(isPretty ? toOwnPretty(line) : line), 1) },
  );
  return {
    debug: (fields, msg) => log.debug(fields, msg),
    info: (fields, msg) => log.info(fields, msg),
    warn: (fields, msg) => log.warn(fields, msg),
    error: (fields, msg) => log.error(fields, msg),
    isEnabled: (level) => log.isLevelEnabled(level),
    lines,
    setLevel(level) {
      log.level = level;
    },
    flush: writer.flush,
    droppedLines: writer.droppedLines,
  };
}

function openWriter(destination: LogDestination): BufferedWriter {
  if (typeof destination === "function")
    return toWriter((bytes) => toLines(bytes).forEach((line) => destination(line)));
  if (destination.write === "async") return openAsyncWriter(destination.fd);
  const stream = openStream({ dest: destination.fd, sync: true });
  return toWriter((bytes) => void stream.write(toText(bytes)));
}

function toLines(bytes: Uint8Array): string[] {
  return toText(bytes).split(/(?<=\n)/);
}

function toText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
}

function toWriter(write: (lines: Uint8Array) => void): BufferedWriter {
  return { write, flush: () => Promise.resolve(), droppedLines: () => 0 };
}

/** Does not use pino's stream: it stops for ever at its first EPIPE, and its exit hook retries the lines that it still holds. */
function openAsyncWriter(fd: number): BufferedWriter {
  return createBufferedWriter((bytes, done) => writeSome(fd, bytes, done));
}
