/** What a command sees of the process it runs in. */

/** `process` belongs to main.ts alone, so everything a command needs of it comes in here. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly pid: number;
  readonly version: string;
  readonly nodeVersion: string;
  readonly isTerminal: boolean;
  /** Whether standard error is a terminal. */
  readonly isErrorTerminal: boolean;
  /** A minor garbage collection. */
  collectGarbage(): void;
  /** Reads standard input to its end, or to a little more than a route file may have. */
  readInput(): Promise<Uint8Array>;
  out(text: string): void;
  err(text: string): void;
  /** Called at the first SIGTERM or SIGINT; a second one ends the process. Without a listener they end it as ever. */
  onTerminate(listener: () => void): void;
  /** Called at each SIGHUP. */
  onReload(listener: () => void): void;
}

/** The part that a command needs which starts nothing. */
export type CommandIo = Pick<Io, "env" | "cwd" | "readInput" | "out" | "err">;

/** A command: its arguments without its name, to an exit code. 0 fine, 1 failed, 2 called wrongly. */
export type Command = (args: readonly string[], io: Io) => Promise<number>;
