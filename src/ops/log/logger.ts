/** The log: one flat JSON object per line. Writing never blocks the data path. */

import { write as writeSome } from "node:fs";
import { pino } from "pino";

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

/** Opens the log. Lines go to standard output, or each with its newline to `destination` (for tests). */
export function createLogger(options: LoggerOptions, destination?: (line: string) => void): Logger {
  const writer = destination === undefined ? openStandardOutput() : toWriter(destination);
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

function toWriter(destination: (line: string) => void): BufferedWriter {
  return {
    write: (bytes) => toLines(bytes).forEach((line) => destination(line)),
    flush: () => Promise.resolve(),
    droppedLines: () => 0,
  };
}

function toLines(bytes: Uint8Array): string[] {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
  return text.split(/(?<=\n)/);
}

/** Does not use pino's stream: it stops for ever at its first EPIPE, and its exit hook retries the lines that it still holds. */
function openStandardOutput(): BufferedWriter {
  return createBufferedWriter((bytes, done) => writeSome(1, bytes, done));
}
