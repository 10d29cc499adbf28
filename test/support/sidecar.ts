/** Runs a real headgate in the test's process: both ports are real sockets, and its log lines are recorded. */

import assert from "node:assert/strict";
import type { TestContext } from "node:test";

import { type App, createApp } from "../../src/app.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { Config } from "../../src/config/types.ts";
import { createLogger } from "../../src/ops/log/logger.ts";

/** A parsed log line. */
export type LogLine = Readonly<Record<string, string | number | boolean | undefined>>;

/** A running headgate. */
export interface Sidecar {
  readonly app: App;
  readonly config: Config;
  readonly port: number;
  readonly adminPort: number;
  /** All lines logged so far, parsed. */
  readonly lines: readonly LogLine[];
  /** Resolves with the first line, past or future, that matches the condition. */
  line(isWanted: (line: LogLine) => boolean): Promise<LogLine>;
  stop(): Promise<number>;
}

/** The options of a headgate. */
export interface SidecarOptions {
  /** `http://127.0.0.1:PORT` or `unix:/path`. */
  readonly upstream?: string;
  /** The rest of the route file. */
  readonly yaml?: string;
  /** Set by tests about errors: without it, an error line fails the test. */
  readonly expectsErrors?: true;
}

/** Starts headgate in front of an upstream. The end of the test stops it and checks its log. */
export async function startSidecar(t: TestContext, options: SidecarOptions): Promise<Sidecar> {
  const lines: LogLine[] = [];
  const waiting = new Set<(line: LogLine) => void>();
  const logger = createLogger({ level: "debug", format: "json" }, (text) => {
    const line = JSON.parse(text) as LogLine;
    lines.push(line);
    for (const notify of waiting) notify(line);
  });
  const config = await load(options);
  const app = createApp({
    config,
    logger,
    version: "0.0.0-test",
    nodeVersion: process.version,
    runtimeMetrics: "off",
    collectGarbage: () => undefined,
  });
  const {
    listen: [listen = ""],
    admin,
  } = await app.start();
  let stopped: Promise<number> | undefined;
  const stop = (): Promise<number> => (stopped ??= app.stop());
  t.after(async () => {
    await stop();
    const errors = lines.filter(({ level }) => level === "error");
    if (options.expectsErrors === undefined) assert.deepEqual(errors, [], "no error was logged");
  });
  return {
    app,
    config,
    port: portOf(listen),
    adminPort: portOf(admin),
    lines,
    line(isWanted) {
      const known = lines.find(isWanted);
      if (known !== undefined) return Promise.resolve(known);
      return new Promise((resolve) => {
        const notify = (line: LogLine): void => {
          if (!isWanted(line)) return;
          waiting.delete(notify);
          resolve(line);
        };
        waiting.add(notify);
      });
    },
    stop,
  };
}

// The route file comes as from standard input: a folder and a file for each of two thousand tests cost 4 ms of CPU each.
async function load({ upstream, yaml = "" }: SidecarOptions) {
  const defaults = {
    listen: "listen: 127.0.0.1:0",
    admin: "admin: 127.0.0.1:0",
    log: "log: { access: all }",
  };
  const missing = Object.entries(defaults).filter(
    ([key]) => !new RegExp(`^${key}:`, "m").test(yaml),
  );
  const head = upstream === undefined ? [] : [`upstream: ${upstream}`];
  const text = [...missing.map(([, line]) => line), ...head, yaml, ""].join("\n");
  const readInput = (): Promise<Uint8Array> => Promise.resolve(Buffer.from(text));
  const sources = { flags: { config: "routes.yaml" }, env: {}, cwd: "/no/such/folder", readInput };
  const { config } = await loadConfig(sources);
  return config;
}

function portOf(url: string | undefined): number {
  return url?.startsWith("http") === true ? Number(new URL(url).port) : 0;
}
