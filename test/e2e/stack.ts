/** A real FastAPI on uvicorn and the built headgate before it, as processes. */

import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import test, { describe } from "node:test";
import { promisify } from "node:util";

import { BUNDLE, hasModules, toServerAddress } from "../support/real.ts";
import { PYTHON_ENV, toUvicorn } from "./backends.ts";

// The one on the path first, for whoever works in a virtual environment; Debian's packages belong to the second.
const PYTHONS = ["python3", "/usr/bin/python3"];
const MODULES = ["fastapi", "uvicorn", "websockets", "multipart"];

const python = PYTHONS.find((command) => hasModules(command, MODULES));

const missing = findMissing();

/** `describe` where the machine has what it takes; elsewhere one skipped test that says why, because suites are not counted. */
export function describeReal(title: string, suite: () => void, unless?: string): void {
  const reason = missing ?? unless;
  if (reason === undefined) void describe(title, suite);
  else void test(title, { skip: reason }, () => {});
}

export interface Stack {
  /** URLs without a slash at the end. */
  readonly direct: string;
  readonly proxied: string;
  readonly admin: string;
  /** Ends both; fails where headgate did not end well or logged an error. */
  stop(): Promise<void>;
}

export interface StackOptions {
  /** Seconds until uvicorn closes an idle connection. */
  readonly keepAlive?: number;
  /** The rest of the route file. */
  readonly yaml?: string;
}

/** Starts uvicorn with app.py, and `headgate run --config` before it. Both have chosen their ports by themselves. */
export async function startStack({ keepAlive = 5, yaml = "" }: StackOptions = {}): Promise<Stack> {
  const backend = spawnUvicorn(keepAlive);
  const folder = mkdtempSync(join(tmpdir(), "headgate-e2e-"));
  try {
    const direct = await findInLines(backend, backend.stderr, /running on (http:\S+)/);
    const file = join(folder, "routes.yaml");
    const head = ["listen: 127.0.0.1:0", "admin: 127.0.0.1:0", `upstream: ${direct}`];
    writeFileSync(file, [...head, yaml, ""].join("\n"));
    const headgate = spawn(process.execPath, [BUNDLE, "run", "--config", file], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const errors: string[] = [];
    createInterface(headgate.stdout).on("line", (line) => {
      if (/"level":"error"|was cut off/.test(line)) errors.push(line);
    });
    const line = await findInLines(headgate, headgate.stdout, /^(.*listening on.*)$/);
    const { listen, admin } = JSON.parse(line) as { listen: string; admin: string };
    return {
      direct,
      proxied: listen,
      admin,
      async stop() {
        await end(backend, "SIGKILL"); // it would wait for the tests' streams
        const code = await end(headgate, "SIGTERM");
        rmSync(folder, { recursive: true });
        assert.equal(code, 0, "headgate ended well");
        assert.deepEqual(errors, [], "headgate logged no error, and nothing hung at its end");
      },
    };
  } catch (error) {
    await end(backend, "SIGKILL");
    rmSync(folder, { recursive: true });
    throw error;
  }
}

/** Runs the real curl and resolves with its standard output; rejects where it fails. */
export async function curl(...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)("curl", ["-sS", "--max-time", "30", ...args]);
  return stdout;
}

function spawnUvicorn(keepAlive: number) {
  assert.ok(python !== undefined);
  const [command, ...args] = toUvicorn(python, toServerAddress("127.0.0.1", 0));
  return spawn(command, [...args, "--timeout-keep-alive", String(keepAlive)], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...PYTHON_ENV },
  });
}

/** The pattern's first group in the first line that has it; rejects with all lines where the process ends before. */
function findInLines(child: ChildProcess, stream: Readable, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    const lines: string[] = [];
    createInterface(stream).on("line", (line) => {
      lines.push(line);
      const found = pattern.exec(line)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once("error", reject);
    child.once("close", () => reject(new Error(`ended at its start:\n${lines.join("\n")}`)));
  });
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | undefined> {
  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  }
  return child.exitCode ?? undefined;
}

function findMissing(): string | undefined {
  if (python === undefined) {
    return "no Python with fastapi, uvicorn, websockets and multipart (Debian: apt-get install python3-fastapi uvicorn python3-websockets python3-multipart)";
  }
  if (spawnSync("curl", ["--version"]).status !== 0) return "no curl";
  return undefined;
}
