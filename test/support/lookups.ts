/** headgate's resolver in a process of its own, which a test tells what to look up. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { compileFiles } from "../../scripts/compile.mjs";
import type { Cleanup } from "./wire.ts";

/** How a lookup ended: its addresses, or the error's code and its cause. */
export type Ending = readonly string[] | { readonly error: string; readonly cause: string };

export interface Lookups {
  /** Starts a lookup. Resolves when it has ended, one way or the other. */
  lookup(name: string): Promise<Ending>;
  /** Resolves when all that was asked for before has begun. */
  begun(): Promise<void>;
  /** The names in the order in which their lookups ended. */
  readonly ended: readonly string[];
  /** Closes the resolver and waits until the process ends by itself. Resolves with its exit code. */
  close(): Promise<number>;
  /** Resolves with the exit code after `process.exit`. */
  exit(): Promise<number>;
}

/** What the process says. */
export interface Line {
  readonly id: number;
  readonly ending?: Ending;
}

/** The process's side. */
const [PROGRAM = ""] = await compileFiles(["test/support/lookups-process.ts"]);

/** Starts the process by way of the command `through`; the end of test `t` kills it. */
export function startLookups(
  t: Cleanup,
  through: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Lookups {
  const itself = [process.execPath, PROGRAM];
  const [command = "", ...args] = [...through, ...itself];
  const child = spawn(command, args, {
    env: { ...process.env, NODE_OPTIONS: "", ...env },
    stdio: ["pipe", "pipe", "inherit"],
  });
  t.after(() => void child.kill("SIGKILL"));
  const exited = once(child, "exit").then(([code]) => Number(code));
  const waiting = new Map<number, (ending: Ending) => void>();
  const names = new Map<number, string>();
  const ended: string[] = [];
  readLines(child, ({ id, ending = [] }) => {
    const name = names.get(id);
    if (name !== undefined) ended.push(name);
    waiting.get(id)?.(ending);
  });
  let count = 0;
  const order = (word: string, name = ""): number => {
    child.stdin?.write(`${word} ${(count += 1)} ${name}\n`);
    return count;
  };
  const send = (word: string, name?: string): Promise<Ending> => {
    const id = order(word, name);
    if (name !== undefined) names.set(id, name);
    const ending = Promise.race([
      new Promise<Ending>((resolve) => waiting.set(id, resolve)),
      exited.then((code) => Promise.reject(new Error(`the process ended with exit code ${code}`))),
    ]);
    ending.catch(() => undefined); // a test may end, and its process with it, while lookups hang
    return ending;
  };
  return {
    lookup: (name) => send("lookup", name),
    begun: async () => void (await send("begun")),
    ended,
    close() {
      order("close");
      return exited;
    },
    exit() {
      order("exit");
      return exited;
    },
  };
}

function readLines({ stdout }: ChildProcess, onLine: (line: Line) => void): void {
  if (stdout === null) throw new Error("a pipe was asked for");
  createInterface({ input: stdout }).on("line", (text) => onLine(JSON.parse(text) as Line));
}
