/** headgate as a process from the bundle that is shipped, with a route file in its own directory. */

import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { makeDirectory } from "./route-file.ts";
import type { LogLine } from "./sidecar.ts";

const BUNDLE = join(import.meta.dirname, "..", "..", "dist", "headgate.cjs");

/** A running headgate under test. */
export interface Binary {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly port: number;
  /** 0 without an admin port. */
  readonly adminPort: number;
  readonly lines: readonly LogLine[];
  /** What it wrote to standard error so far. */
  stderr(): string;
  /** Resolves with the first line from number `from` on that matches the condition, past or future. */
  line(isWanted: (line: LogLine) => boolean, from?: number): Promise<LogLine>;
  /** The value of a metric without labels. */
  metric(name: string): Promise<number>;
  /** Resolves with the exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals | null>;
}

/** The options of a headgate. */
export interface BinaryOptions {
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts headgate and waits until it listens; the end of test `t` stops it. */
export async function startBinary(t: TestContext, options: BinaryOptions): Promise<Binary> {
  const { child, exited } = spawnBinary(t, options);
  const lines: LogLine[] = [];
  const news = new EventEmitter().setMaxListeners(0);
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  createInterface({ input: child.stdout ?? process.stdin }).on("line", (text) => {
    lines.push(JSON.parse(text) as LogLine);
    news.emit("news");
  });
  void exited.then(() => news.emit("news"));

  async function line(isWanted: (line: LogLine) => boolean, from = 0): Promise<LogLine> {
    const signal = AbortSignal.timeout(20_000);
    for (;;) {
      const found = lines.slice(from).find(isWanted);
      if (found !== undefined) return found;
      if (child.exitCode !== null) throw new Error(`headgate ended: ${stderr}`);
      await once(news, "news", { signal }).catch(() => {
        throw new Error(`no such line in ${JSON.stringify(lines.slice(from))} ${stderr}`);
      });
    }
  }

  const start = await line(({ msg }) => String(msg).startsWith("listening on "));
  const adminPort = portOf(start["admin"]);
  return {
    child,
    pid: child.pid ?? 0,
    port: portOf(start["listen"]),
    adminPort,
    lines,
    stderr: () => stderr,
    line,
    async metric(name) {
      const page = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
      return Number(new RegExp(`^${name} (.*)$`, "m").exec(page)?.[1]);
    },
    exited,
  };
}

/** Starts the process without waiting for it. */
export function spawnBinary(
  t: TestContext,
  { args, cwd, env = {} }: BinaryOptions,
): Pick<Binary, "child" | "exited"> {
  if (!existsSync(BUNDLE)) throw new Error("dist/headgate.cjs is missing: npm run build");
  const child = spawn(process.execPath, [BUNDLE, ...args], {
    cwd,
    env: { ...env, PATH: process.env["PATH"] },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = once(child, "exit").then(
    ([code, signal]) => (code ?? signal) as number | NodeJS.Signals | null,
  );
  t.after(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  return { child, exited };
}

/** A headgate whose route file the test edits. */
export interface Edited extends Binary {
  readonly directory: string;
  readonly file: string;
  /** Writes the file and resolves with the line that headgate logs about it. */
  edit(yaml: string): Promise<LogLine>;
  /** Sends SIGHUP and resolves with the line that headgate logs about it. */
  hangUp(): Promise<LogLine>;
  /** The next line about a reload after line `from`. */
  reloaded(from: number, trigger?: string): Promise<LogLine>;
}

/** Both ports on loopback and free; no log line per request, one per reload. */
export const BASE = "listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\n";

/** Starts headgate with `BASE` and the rest of a route file. */
export async function startEdited(t: TestContext, yaml: string): Promise<Edited> {
  const directory = await makeDirectory(t, { "routes.yaml": BASE + yaml });
  const file = join(directory, "routes.yaml");
  return toEdited(
    await startBinary(t, { args: ["run", "--config", file], cwd: directory }),
    directory,
  );
}

/** Adds the same functions to a running headgate with `routes.yaml` in that directory. */
export function toEdited(binary: Binary, directory: string): Edited {
  const file = join(directory, "routes.yaml");
  const reloaded = (from: number, trigger?: string): Promise<LogLine> =>
    binary.line(
      (line) =>
        trigger === undefined ? line["trigger"] !== undefined : line["trigger"] === trigger,
      from,
    );
  return {
    ...binary,
    directory,
    file,
    reloaded,
    edit(text) {
      const from = binary.lines.length;
      writeFileSync(file, BASE + text);
      return reloaded(from, "file");
    },
    hangUp() {
      const from = binary.lines.length;
      binary.child.kill("SIGHUP");
      return reloaded(from, "SIGHUP");
    },
  };
}

function portOf(url: unknown): number {
  return typeof url === "string" && url.startsWith("http") ? Number(new URL(url).port) : 0;
}
