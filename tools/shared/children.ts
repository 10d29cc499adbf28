import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";

/** One child process. */
export interface Child {
  readonly pid: number;
  /** Its output so far, both streams. */
  readonly output: () => string;
  readonly hasExited: () => boolean;
  /** Sends SIGTERM, and kills the process if it has not ended after `graceMs`. Resolves when the process has ended. */
  readonly stop: (graceMs: number) => Promise<void>;
}

/** The child processes of one tool. */
export interface Children {
  readonly start: (name: string, command: readonly string[], env?: NodeJS.ProcessEnv) => Child;
}

/** Tracks the processes that a tool starts, so that none outlives the tool, however it ends. Their output goes to `folder`. */
export function createChildren(folder: string): Children {
  const running = new Set<ChildProcess>();
  // This listener runs before the one that removes the folder.
  process.prependListener("exit", () => running.forEach(killGroup));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => process.exit(128 + constants.signals[signal]));

  function start(name: string, command: readonly string[], env: NodeJS.ProcessEnv = {}): Child {
    const [program = "", ...args] = command;
    const outputFile = join(folder, `${name}.out`);
    const out = openSync(outputFile, "w");
    // Each child has its own process group: nginx's worker survives the death of its master, so the whole group must be killed.
    const child = spawn(program, args, {
      detached: true,
      stdio: ["ignore", out, out],
      env: { ...process.env, ...env },
    });
    closeSync(out);
    running.add(child);
    child.once("exit", () => running.delete(child));
    child.on("error", () => running.delete(child));
    const hasExited = (): boolean =>
      child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
    return {
      pid: child.pid ?? -1,
      output: () => readFileSync(outputFile, "utf8"),
      hasExited,
      async stop(graceMs) {
        if (hasExited()) return;
        const gone = once(child, "exit");
        child.kill("SIGTERM");
        const timer = setTimeout(() => killGroup(child), graceMs);
        await gone;
        clearTimeout(timer);
      },
    };
  }

  return { start };
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // The process ended in the meantime.
  }
}
