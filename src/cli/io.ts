/** The parts of the process that commands use. */

import type { Heap } from "../runtime/heap.ts";

/** Only main.ts may use `process`, so commands get what they need of it here. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly pid: number;
  readonly version: string;
  readonly nodeVersion: string;
  readonly isTerminal: boolean;
  /** Whether standard error is a terminal. */
  readonly isErrorTerminal: boolean;
  /** The heap of this process. A service tunes it when it has started. */
  readonly heap: Heap;
  /** Reads standard input to its end, or slightly more than the maximum size of a route file. */
  readInput(): Promise<Uint8Array>;
  out(text: string): void;
  err(text: string): void;
  /** Calls the listener at the first SIGTERM or SIGINT; a second one ends the process. Without a listener the first one ends it. */
  onTerminate(listener: () => void): void;
  /** Calls the listener at each SIGHUP. */
  onReload(listener: () => void): void;
}

/** The parts for commands that start no server. */
export type CommandIo = Pick<Io, "env" | "cwd" | "readInput" | "out" | "err">;

/** A command: takes its arguments, without its name, and resolves with an exit code: 0 success, 1 failure, 2 wrong usage. */
export type Command = (args: readonly string[], io: Io) => Promise<number>;
