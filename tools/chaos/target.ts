/** headgate as a process, from the bundle that is shipped, and what is visible of it from outside. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { renameSync, writeFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import {
  type LiveMemory,
  measureLiveMemory,
  toInspectorUrl,
} from "../../test/support/live-memory.ts";
import type { Ports } from "./versions.ts";

const BUNDLE = fileURLToPath(new URL("../../dist/headgate.cjs", import.meta.url));

/** A running headgate. */
export interface Target {
  readonly pid: number;
  readonly ports: Ports;
  readonly adminPort: number;
  /** The folder of the run; it is removed afterwards. */
  readonly folder: string;
  /** Replaces the route file; headgate loads it by itself, or at the next `reload` or SIGHUP. */
  write(yaml: string): void;
  /** Sends `POST /reload`; resolves with its status, or 0 if no response came. */
  reload(): Promise<number>;
  signal(name: NodeJS.Signals): void;
  /** The admin port's metrics, fetched on a connection that is closed afterwards. */
  metrics(): Promise<string>;
  /** The memory that is still in use after garbage collections. Only with the node option `INSPECTED`. */
  liveMemory(): Promise<LiveMemory>;
  /** The latest log lines that contain a text. */
  logged(text: string): readonly string[];
  /** Why it ended; undefined while it runs. */
  ended(): string | undefined;
  /** Stops it gracefully; resolves with its exit code. */
  stop(): Promise<number | null>;
}

const MAX_LINES = 20_000;

/** How headgate is started. */
export interface TargetOptions {
  /** A command prefix. */
  readonly through: readonly string[];
  /** Options of node. */
  readonly node: readonly string[];
}

/** Starts headgate with that route file, and resolves when all listeners are open. */
export async function startTarget(
  folder: string,
  yaml: string,
  { through, node }: TargetOptions,
): Promise<Target> {
  const file = join(folder, "routes.yaml");
  const write = (text: string): void => {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  };
  write(yaml);
  const own = [process.execPath, ...node, BUNDLE, "run", "--config", file];
  const [command, ...args]: readonly string[] = [...through, ...own];
  const child = spawn(command ?? "", args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env["PATH"] },
  });
  const killed = (): void => void child.kill("SIGKILL");
  process.once("exit", killed);
  let lines: string[] = [];
  let inspectorUrl: string | undefined;
  keepLines(child, (line) => {
    inspectorUrl ??= toInspectorUrl(line);
    lines.push(line);
    if (lines.length > MAX_LINES) lines = lines.slice(MAX_LINES / 2);
  });
  const start = await untilListening(child, () => lines);
  const [http1 = 0, tls = 0, http2 = 0] = start.listen.split(" ").map(portOf);
  return {
    pid: child.pid ?? 0,
    ports: { http1, http2, "http1-tls": tls, "http2-tls": tls },
    adminPort: portOf(start.admin),
    folder,
    write,
    reload: async () => (await ask(portOf(start.admin), "POST", "/reload")).status,
    signal: (name) => void child.kill(name),
    metrics: async () => (await ask(portOf(start.admin), "GET", "/metrics")).text,
    async liveMemory() {
      if (inspectorUrl === undefined) throw new Error("headgate runs without an inspector");
      return measureLiveMemory(inspectorUrl);
    },
    logged: (text) => lines.filter((line) => line.includes(text)),
    ended: () => (child.exitCode ?? child.signalCode)?.toString(),
    async stop() {
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      const [code] = (await exited) as [number | null];
      process.off("exit", killed);
      return code;
    },
  };
}

function keepLines(child: ChildProcess, keep: (line: string) => void): void {
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null) createInterface({ input: stream }).on("line", keep);
  }
}

async function untilListening(
  child: ChildProcess,
  lines: () => readonly string[],
): Promise<{ readonly listen: string; readonly admin: string }> {
  for (const patience = AbortSignal.timeout(20_000); !patience.aborted;) {
    const line = lines().find((one) => one.includes('"listening on '));
    if (line !== undefined) return JSON.parse(line) as { listen: string; admin: string };
    if (child.exitCode !== null) break;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`headgate did not start\n${lines().join("\n")}`);
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}

async function ask(
  port: number,
  method: string,
  path: string,
): Promise<{ readonly status: number; readonly text: string }> {
  const sent = request({ host: "127.0.0.1", port, method, path, agent: false }).end();
  const received = once(sent, "response");
  sent.on("error", () => undefined);
  const [answer] = (await received.catch(() => [])) as [IncomingMessage?];
  if (answer === undefined) return { status: 0, text: "" };
  let text = "";
  for await (const piece of answer) text += String(piece);
  return { status: answer.statusCode ?? 0, text };
}
