/** The log: flat JSON objects, one a line, written without ever holding up the data path. */

import { write as writeSome } from "node:fs";
import { destination as openStream, pino } from "pino";

import { toOwnPretty, toPretty } from "./pretty.ts";
import { createBufferedWriter, type BufferedWriter } from "./buffered-writer.ts";
import { createTimestamp } from "./timestamp.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

/** Flat on purpose: every log store can index it and no value needs a serializer. Undefined values are left out. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

type Log = (fields: LogFields, msg: string) => void;

export interface Logger extends Readonly<Record<LogLevel, Log>> {
  /** Whether lines of a level are written. */
  isEnabled(level: LogLevel): boolean;
  /**
   * Takes `count` finished lines of JSON, each with its newline; their level is the caller's business. The bytes are the caller's
   * again when this returns. For lines that are so many that pino would cost too much.
   */
  lines(bytes: Uint8Array, count: number): void;
  /** Resolves once every line is written, or after a second if nobody reads. To be awaited before the process exits. */
  flush(): Promise<void>;
  setLevel(level: LogLevel | "silent"): void;
  /** Lines that were given up because the reader was too slow or they could not be written. */
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

/** Opens the log. Without a destination it writes to standard output, asynchronously. */
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
      // No pid and hostname: the one is 1 in a container and whoever collects the lines adds the other.
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

/** Not through pino's stream: that one stops for ever at its first EPIPE, and its exit hook retries what it still holds. */
function openAsyncWriter(fd: number): BufferedWriter {
  return createBufferedWriter((bytes, done) => writeSome(fd, bytes, done));
}
