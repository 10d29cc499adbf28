/** Runs headgate's resolver in its own process for a test. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { compileFiles } from "../../scripts/compile.mjs";
import type { Cleanup } from "./wire.ts";

/** The result of a lookup: its addresses, or the error's code and cause. */
export type LookupResult = readonly string[] | { readonly error: string; readonly cause: string };

/** The process of a test. */
export interface Lookups {
  /** Starts a lookup. Resolves with its result. */
  lookup(name: string): Promise<LookupResult>;
  /** Resolves when all earlier lookups have begun. */
  begun(): Promise<void>;
  /** The names in the order in which their lookups ended. */
  readonly ended: readonly string[];
  /** Closes the resolver, and waits until the process ends by itself. Resolves with its exit code. */
  close(): Promise<number>;
  /** Calls `process.exit` in the process. Resolves with its exit code. */
  exit(): Promise<number>;
}

/** A line that the process prints. */
export interface Line {
  readonly id: number;
  readonly result?: LookupResult;
}

/** The program of the process. */
const [PROGRAM = ""] = await compileFiles(["test/support/lookups-process.ts"]);

/** Starts the process through the command prefix `through`; the end of test `t` kills it. */
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
  const waiting = new Map<number, (ending: LookupResult) => void>();
  const names = new Map<number, string>();
  const ended: string[] = [];
  readLines(child, ({ id, result = [] }) => {
    const name = names.get(id);
    if (name !== undefined) ended.push(name);
    waiting.get(id)?.(result);
  });
  let count = 0;
  const order = (word: string, name = ""): number => {
    child.stdin?.write(`${word} ${(count += 1)} ${name}\n`);
    return count;
  };
  const send = (word: string, name?: string): Promise<LookupResult> => {
    const id = order(word, name);
    if (name !== undefined) names.set(id, name);
    const ending = Promise.race([
      new Promise<LookupResult>((resolve) => waiting.set(id, resolve)),
      exited.then((code) => Promise.reject(new Error(`the process ended with exit code ${code}`))),
    ]);
    ending.catch(() => undefined); // at the end of a test, its process may end while lookups hang
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
