/**
 * Runs third-party programs as backends and clients: servers on free ports, and the built headgate in front of them. Each test file has
 * its own loopback address (Linux has all of 127.0.0.0/8), so that no other file can take a port that is free here.
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

/** Debian's folders for programs that may not be on the PATH. */
const FOLDERS = ["/usr/sbin", "/usr/lib/nagios/plugins", "/usr/lib/git-core"];

/** Debian's Python: only it finds the Python packages of Debian. */
export const PYTHON = "/usr/bin/python3";

/** Shorter than a test's time limit, so that a failure shows the program's output. */
const PATIENCE_MS = 120_000;

/** The output of `npm run build`; `npm test` makes sure that it is current. */
export const BUNDLE: string = join(import.meta.dirname, "..", "..", "dist", "headgate.cjs");

/** This process's own loopback address. */
const ADDRESS = `127.${64 + (process.pid >> 16)}.${(process.pid >> 8) & 255}.${process.pid & 255}`;

/** The requirements of a test: a command, or `python:MODULE`, and the Debian package that has it. */
export type Needs = Readonly<Record<string, string>>;

/** Defines a test that runs if all programs are there; otherwise it is skipped and names the missing ones. */
export function testReal(title: string, needs: Needs, run: (t: TestContext) => Promise<void>) {
  const missing = process.platform === "linux" ? findMissing(needs) : ["Linux"];
  const skip =
    missing.length > 0 && `LEFT OUT: not installed (apt-get install ${missing.join(" ")})`;
  void test(title, { skip }, async (t) => {
    endInReverse(t);
    await run(t);
  });
}

/** Runs the cleanups in reverse order, so that a folder is removed after the server that uses it. Node runs them in order. */
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
    return hasModules(PYTHON, [module]);
  };
  return Object.entries(needs).flatMap(([need, debian]) => (isHere(need) ? [] : [debian]));
}

const FIND_MODULES =
  "import sys; from importlib.util import find_spec; sys.exit(None in map(find_spec, sys.argv[1:]))";

/** Whether this Python finds these modules. It does not load them: that takes up to a quarter of a second of CPU for each. */
export function hasModules(python: string, modules: readonly string[]): boolean {
  return spawnSync(python, ["-c", FIND_MODULES, ...modules]).status === 0;
}

function findProgram(name: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), ...FOLDERS];
  return [name, ...folders.map((folder) => join(folder, name))].find(
    (path) => path.includes("/") && existsSync(path),
  );
}

/** Creates a folder that servers without root can read; the end of the test removes it. */
export function createFolder(t: Cleanup): string {
  const folder = mkdtempSync(join(tmpdir(), "headgate-real-"));
  chmodSync(folder, 0o755);
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The address of a server. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  /** `host:port`. */
  readonly authority: string;
  /** Without a trailing slash. */
  readonly url: string;
}

/** Finds a free address for a server. */
export async function findAddress(): Promise<ServerAddress> {
  return toServerAddress(ADDRESS, await findFreePort(ADDRESS));
}

/** The address of a server on this host and port. */
export function toServerAddress(host: string, port: number): ServerAddress {
  const authority = `${host}:${port}`;
  return { host, port, authority, url: `http://${authority}` };
}

/** A network in which servers run. */
export interface Network {
  /** The command prefix that runs a program in it. */
  readonly enter: readonly string[];
  /** Whether a server of this network accepts connections at this address. */
  accepts(address: ServerAddress): Promise<boolean>;
}

/** A backend to start. */
export interface Backend {
  readonly command: readonly [string, ...string[]];
  readonly address: ServerAddress;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** The machine's own network by default. */
  readonly network?: Network;
}

/** A running server. */
export interface Server {
  /** The output so far, both streams. */
  output(): string;
  /** Sends a signal and resolves with the exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** Starts a backend and resolves when it accepts connections; the end of the test kills it. */
export async function startBackend(t: Cleanup, backend: Backend): Promise<void> {
  const server = startServer(backend);
  t.after(async () => {
    const code = await server.end("SIGKILL");
    assert.equal(code, null, `${backend.command[0]} ended before its test: ${server.output()}`);
  });
  await untilAccepted(backend, server);
}

const MACHINE: Network = { enter: [], accepts };

/** Starts a program in its own process group, so that a server's workers end with it. */
function startServer({
  command: [program, ...rest],
  env,
  cwd,
  network = MACHINE,
}: Backend): Server & { isOver(): boolean } {
  const [name = "", ...args] = [...network.enter, findProgram(program) ?? program, ...rest];
  const child = spawn(name, args, {
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
  closed.catch(() => {}); // callers that wait for its end get the error
  return {
    output: () => said,
    isOver: () => isOver,
    async end(signal) {
      if (!isOver && child.pid !== undefined) process.kill(-child.pid, signal);
      const [code] = (await closed) as [number | null];
      return code;
    },
  };
}

async function untilAccepted(
  { address, network = MACHINE }: Backend,
  server: Server & { isOver(): boolean },
): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await network.accepts(address))) {
    assert.ok(!server.isOver(), `ended at its start: ${server.output()}`);
    assert.ok(performance.now() < deadline, `takes no connections: ${server.output()}`);
    // Not more often: the table of a pod's network takes the kernel some milliseconds.
    await delay(60);
  }
}

async function accepts({ host, port }: ServerAddress): Promise<boolean> {
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

/** A running headgate. */
export interface Headgate extends ServerAddress {
  /** Resolves with the statuses of the first `count` requests, or more, that are logged with this method and path. */
  statuses(method: string, path: RegExp | string, count: number): Promise<readonly number[]>;
  /** The log so far, parsed. */
  log(): readonly Readonly<Record<string, unknown>>[];
}

/**
 * Starts the built headgate in front of a server. At the end of the test it must stop in order, and have logged no error. `listener` are
 * further keys of its listener, in YAML's flow style.
 */
export async function startHeadgate(
  t: Cleanup,
  upstream: string,
  yaml = "",
  listener: readonly string[] = [],
): Promise<Headgate> {
  const { url: plain, ...place } = await findAddress();
  const hasTls = listener.some((key) => key.startsWith("tls:"));
  const address = { ...place, url: hasTls ? plain.replace("http:", "https:") : plain };
  return superviseHeadgate(t, (folder) => {
    const file = join(folder, "routes.yaml");
    const keys = [`address: "${address.authority}"`, ...listener].join(", ");
    const lines = [`listen: { ${keys} }`, "admin: off", `upstream: ${upstream}`];
    writeFileSync(file, [...lines, "log: { access: all }", yaml, ""].join("\n"));
    const command = [process.execPath, BUNDLE, "run", "--config", file] as const;
    return { command, address, env: { NODE_OPTIONS: "" } };
  });
}

/**
 * Starts a headgate whose files are in the folder that `toServer` gets. At the end of the test it must stop in order, and have logged no
 * error.
 */
export async function superviseHeadgate(
  t: Cleanup,
  toServer: (folder: string) => Backend,
): Promise<Headgate> {
  // The folder is removed afterwards, because headgate logs an error for a missing route file.
  const ends: (() => void | Promise<void>)[] = [];
  const backend = toServer(createFolder({ after: (end) => void ends.push(end) }));
  const server = startServer(backend);
  const log = () =>
    server
      .output()
      .split("\n")
      .filter((line) => /^\{.*\}$/.test(line))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  t.after(async () => {
    const code = await server.end("SIGTERM");
    for (const end of ends) await end();
    assert.equal(code, 0, `headgate ended well: ${server.output()}`);
    const errors = log().filter(({ level }) => level === "error");
    assert.deepEqual(errors, [], "headgate logged no error");
  });
  await untilAccepted(backend, server);
  return {
    ...backend.address,
    log,
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
        await delay(20); // the log is written after the response
      }
    },
  };
}

/** The result of a client. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The options of a client. */
export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly input?: string;
}

/** Runs a client until it ends, with any exit code. */
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

/** Runs a client that must succeed, and returns its standard output. */
export async function runClient(
  command: readonly [string, ...string[]],
  options: RunOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await runAny(command, options);
  assert.equal(code, 0, `${command.join(" ")}: ${stdout}${stderr}`);
  return stdout;
}
