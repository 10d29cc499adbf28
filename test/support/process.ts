/** headgate as a process: the real bundle, started with real arguments and observed from outside. */

import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Cleanup } from "./wire.ts";

/** The output of `npm run build`; `npm test` makes sure that it is current. */
const BUNDLE = join(import.meta.dirname, "..", "..", "dist", "headgate.cjs");

/** Longer than any delay of headgate in these tests; a wait that takes longer fails. */
const PATIENCE_MS = 20_000;

/** The end of a process. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process. */
export interface Process {
  readonly pid: number;
  stdout(): string;
  stderr(): string;
  /** Resolves with the first match in standard output, past or future; rejects if the process ends before. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
  signal(name: NodeJS.Signals): void;
  /** Resolves when the process has ended and all its output has arrived. */
  readonly exited: Promise<Exit>;
}

/** A running headgate. */
export interface Running extends Process {
  readonly port: number;
  readonly adminPort: number;
}

/** Starts `headgate …args` without HEADGATE_* variables other than those in `env`; the end of test `t` kills it. */
export function startProcess(
  t: Cleanup,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  through: readonly string[] = [],
): Process {
  return start(t, [...through, process.execPath, BUNDLE, ...args], env);
}

function start(
  t: Cleanup,
  [command = "", ...args]: readonly string[],
  env: NodeJS.ProcessEnv,
): Process {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^HEADGATE_|^FORCE_COLOR$/.test(name),
  );
  const child = spawn(command, args, {
    env: { ...Object.fromEntries(inherited), NODE_OPTIONS: "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  t.after(() => void child.kill("SIGKILL"));
  return watch(child);
}

/**
 * Starts `headgate run` on free ports and resolves when it listens on both. `through` is a command prefix, such as a shell that sets a
 * limit first.
 */
export async function startRun(
  t: Cleanup,
  args: readonly string[],
  through: readonly string[] = [],
): Promise<Running> {
  const ports = ["--listen=127.0.0.1:0", "--admin=127.0.0.1:0"];
  const started = start(t, [...through, process.execPath, BUNDLE, "run", ...ports, ...args], {});
  const [line = "{}"] = await started.printed(/^\{.*"listening on .*\}$/m);
  const { listen, admin } = JSON.parse(line) as { readonly listen: string; readonly admin: string };
  return { ...started, port: Number(new URL(listen).port), adminPort: Number(new URL(admin).port) };
}

function watch(child: ChildProcess): Process {
  const said = { stdout: "", stderr: "" };
  const news = new EventEmitter().setMaxListeners(0);
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8").on("data", (text: string) => {
      said[name] += text;
      news.emit("news");
    });
  }
  let isOver = false;
  const exited = once(child, "close").then(([code, signal]): Exit => {
    isOver = true;
    news.emit("news");
    return { code: code as Exit["code"], signal: signal as Exit["signal"] };
  });
  return {
    pid: child.pid ?? 0,
    stdout: () => said.stdout,
    stderr: () => said.stderr,
    async printed(pattern) {
      for (;;) {
        const match = pattern.exec(said.stdout);
        if (match !== null) return match;
        const missing = `without saying ${String(pattern)}: ${JSON.stringify(said)}`;
        if (isOver) throw new Error(`ended ${missing}`);
        await once(news, "news", { signal: AbortSignal.timeout(PATIENCE_MS) }).catch((cause) => {
          throw new Error(`waited ${PATIENCE_MS} ms ${missing}`, { cause });
        });
      }
    },
    signal: (name) => void child.kill(name),
    exited,
  };
}

/** The peak resident memory in bytes since the start, or since `forgetPeak`. */
export function peakBytes(pid: number): number {
  const [, kilobytes = ""] =
    /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kilobytes) * 1024;
}

/** Resets the peak to the present use (proc(5), clear_refs). */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}
