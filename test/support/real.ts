/**
 * Programs that others wrote, as backends and clients: servers on free ports, and the built headgate before them. Each test file
 * has an address of its own (Linux has all of 127.0.0.0/8), so that a port that is free here is taken by no other file.
 */

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

import { findFreePort } from "./listen.ts";
import type { Cleanup } from "./wire.ts";

/** Where Debian has programs that are not on everybody's path. */
const FOLDERS = ["/usr/sbin", "/usr/lib/nagios/plugins", "/usr/lib/git-core"];

/** Debian's own: its packages are not seen by a Python of somebody else's. */
export const PYTHON = "/usr/bin/python3";

/** A test's time limit is longer; this one shows what the program has said. */
const PATIENCE_MS = 120_000;

/** What `npm run build` makes; `npm test` has seen to it that it is fresh. */
const BUNDLE = join(import.meta.dirname, "..", "..", "dist", "headgate.cjs");

/** This process's own loopback address. */
const ADDRESS = `127.${64 + (process.pid >> 16)}.${(process.pid >> 8) & 255}.${process.pid & 255}`;

/** What a test needs: a command, or `python:MODULE`, and the Debian package that brings it. */
export type Needs = Readonly<Record<string, string>>;

/** A test where all programs are there; elsewhere one that is skipped and says what is missing. */
export function testReal(title: string, needs: Needs, run: (t: TestContext) => Promise<void>) {
  const missing = process.platform === "linux" ? findMissing(needs) : ["Linux"];
  const skip =
    missing.length > 0 && `LEFT OUT: not installed (apt-get install ${missing.join(" ")})`;
  void test(title, { skip }, async (t) => {
    endInReverse(t);
    await run(t);
  });
}

/** What was begun last ends first, so that a folder goes after the server that uses it. Node begins with the first. */
function endInReverse(t: TestContext): void {
  const ends: (() => void | Promise<void>)[] = [];
  t.after(async () => {
    const failures: unknown[] = [];
    for (const end of ends)
      await Promise.resolve()
        .then(end)
        .catch((error) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  });
  t.after = (end) => void ends.unshift(end as () => void | Promise<void>);
}

function findMissing(needs: Needs): string[] {
  const isHere = (need: string): boolean => {
    const [, module] = /^python:(.*)$/.exec(need) ?? [];
    if (module === undefined) return findProgram(need) !== undefined;
    return spawnSync(PYTHON, ["-c", `import ${module}`]).status === 0;
  };
  return Object.entries(needs).flatMap(([need, debian]) => (isHere(need) ? [] : [debian]));
}

function findProgram(name: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), ...FOLDERS];
  return [name, ...folders.map((folder) => join(folder, name))].find(
    (path) => path.includes("/") && existsSync(path),
  );
}

/** A folder that servers may read which give up root; it goes with the test. */
export function createFolder(t: Cleanup): string {
  const folder = mkdtempSync(join(tmpdir(), "headgate-real-"));
  chmodSync(folder, 0o755);
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface Place {
  readonly host: string;
  readonly port: number;
  /** `host:port`. */
  readonly authority: string;
  /** Without a slash at its end. */
  readonly url: string;
}

/** Where a server may listen. */
export async function findPlace(): Promise<Place> {
  const port = await findFreePort(ADDRESS);
  const authority = `${ADDRESS}:${port}`;
  return { host: ADDRESS, port, authority, url: `http://${authority}` };
}

export interface Backend {
  readonly command: readonly [string, ...string[]];
  readonly place: Place;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

export interface Server {
  /** What it has printed so far on both streams. */
  said(): string;
  /** Sends a signal and resolves with the exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** Starts a backend and resolves when it takes connections; the end of the test kills it. */
export async function startBackend(t: Cleanup, backend: Backend): Promise<void> {
  const server = startServer(backend);
  t.after(async () => {
    const code = await server.end("SIGKILL");
    assert.equal(code, null, `${backend.command[0]} ended before its test: ${server.said()}`);
  });
  await untilAccepted(backend.place, server);
}

/** Starts a program in a group of its own, so that the workers of a server end with it. */
function startServer({
  command: [name, ...args],
  env,
  cwd,
}: Backend): Server & { isOver(): boolean } {
  const child = spawn(findProgram(name) ?? name, args, {
    env: { ...process.env, ...env },
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => void (said += text));
  let isOver = false;
  const closed = once(child, "close").finally(() => (isOver = true));
  closed.catch(() => {}); // whoever waits for its end hears of it
  return {
    said: () => said,
    isOver: () => isOver,
    async end(signal) {
      if (!isOver && child.pid !== undefined) process.kill(-child.pid, signal);
      const [code] = (await closed) as [number | null];
      return code;
    },
  };
}

async function untilAccepted(place: Place, server: Server & { isOver(): boolean }): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await accepts(place))) {
    assert.ok(!server.isOver(), `ended at its start: ${server.said()}`);
    assert.ok(performance.now() < deadline, `takes no connections: ${server.said()}`);
    await delay(20);
  }
}

async function accepts({ host, port }: Place): Promise<boolean> {
  const socket = connect({ host, port });
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

export interface Headgate extends Place {
  /** The statuses of the first `count` requests, or more, that the log has or will have with this method and path. */
  statuses(method: string, path: RegExp | string, count: number): Promise<readonly number[]>;
}

/** Starts the built headgate before a server. At the end of the test it must end well, and have logged no error. */
export async function startHeadgate(t: Cleanup, upstream: string, yaml = ""): Promise<Headgate> {
  const place = await findPlace();
  // Its folder goes after it: a route file that is gone is an error to it.
  const ends: (() => void | Promise<void>)[] = [];
  const file = join(createFolder({ after: (end) => void ends.push(end) }), "routes.yaml");
  const lines = [`listen: ${place.authority}`, "admin: off", `upstream: ${upstream}`];
  writeFileSync(file, [...lines, "log: { access: all }", yaml, ""].join("\n"));
  const command = [process.execPath, BUNDLE, "run", "--config", file] as const;
  const env = { NODE_OPTIONS: "" };
  const server = startServer({ command, place, env });
  const log = () =>
    server
      .said()
      .split("\n")
      .filter((line) => /^\{.*\}$/.test(line))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  t.after(async () => {
    const code = await server.end("SIGTERM");
    for (const end of ends) await end();
    assert.equal(code, 0, `headgate ended well: ${server.said()}`);
    const errors = log().filter(({ level }) => level === "error");
    assert.deepEqual(errors, [], "headgate logged no error");
  });
  await untilAccepted(place, server);
  return {
    ...place,
    async statuses(method, path, count) {
      const isPath = (text: string) => (typeof path === "string" ? text === path : path.test(text));
      const deadline = performance.now() + PATIENCE_MS;
      for (;;) {
        const statuses = log()
          .filter(
            (line) => line["http.request.method"] === method && isPath(String(line["url.path"])),
          )
          .map((line) => Number(line["http.response.status_code"]));
        if (statuses.length >= count || performance.now() > deadline) return statuses;
        await delay(20); // the log is written behind the response
      }
    },
  };
}

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly input?: string;
}

/** Runs a client to its end, whatever that is. */
export async function runAny(
  [name, ...args]: readonly [string, ...string[]],
  { env, cwd, input = "" }: RunOptions = {},
): Promise<Ran> {
  const child = spawn(findProgram(name) ?? name, args, {
    env: { ...process.env, LC_ALL: "C.UTF-8", ...env },
    cwd,
    timeout: PATIENCE_MS,
  });
  const said = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const)
    child[stream].setEncoding("latin1").on("data", (text: string) => void (said[stream] += text));
  child.stdin.on("error", () => {}).end(input);
  const [code] = (await once(child, "close")) as [number | null];
  return { code, ...said };
}

/** Runs a client that must succeed, and returns what it printed on standard output. */
export async function runClient(
  command: readonly [string, ...string[]],
  options: RunOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await runAny(command, options);
  assert.equal(code, 0, `${command.join(" ")}: ${stdout}${stderr}`);
  return stdout;
}
