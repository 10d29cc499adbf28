import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { TLS_HOST } from "../configs.ts";

/** What all peers and the load generator negotiate: an offer of one cipher and one group leaves no choice. */
const CIPHER = "TLS_AES_128_GCM_SHA256";
const GROUP = "X25519";

/** h2load has no limit of its own for a response that never ends. */
const DEADLINE_MS = 30_000;
const ATTEMPTS = 3;

/** The same as a part of a sentence. */
export const TLS_TEXT = `TLS 1.3, ${CIPHER}, ${GROUP}, a certificate with a P-256 key`;

/** A load of requests for /small over TLS. */
export interface TlsLoad {
  readonly protocol: "http/1.1" | "h2";
  readonly method: "GET" | "HEAD";
  readonly connections: number;
  /** Requests in flight on each connection. */
  readonly streams: number;
  /** A duration on kept connections, or a number of requests with a new connection for each. */
  readonly length: { readonly seconds: number } | { readonly handshakes: number };
}

/** The version of h2load; undefined if it is not installed. It is the load generator for all but HEAD with HTTP/1.1 (own-load.ts). */
export function readH2loadVersion(): string | undefined {
  const result = spawnSync("h2load", ["--version"], { encoding: "utf8" });
  return result.error === undefined ? /\d+(\.\d+)+/.exec(result.stdout)?.[0] : undefined;
}

/** The result of a load: from the time when connections are open and warm until the time is over, or of a whole load of handshakes. */
export interface TlsLoadResult {
  readonly done: number;
  readonly seconds: number;
  readonly cpuUs: number;
}

/**
 * Runs a load. `readCpuUs` returns the processor time of the peer so far. Throws if a response was wrong, or came over other TLS than
 * intended. Repeats a load that h2load did not end, because it has printed no figures.
 */
export async function runH2load(
  port: number,
  load: TlsLoad,
  readCpuUs: () => number,
): Promise<TlsLoadResult> {
  const args = toArguments(port, load);
  const run = "seconds" in load.length ? runTimed : runAll;
  for (let attempt = 1; ; attempt += 1) {
    const edges: Edge[] = [];
    const onEdge = (): void => void edges.push({ cpuUs: readCpuUs(), ms: performance.now() });
    const output = await run(args, onEdge);
    if (attempt < ATTEMPTS && isFrozen(output)) continue;
    try {
      const done = readH2load(output, load.protocol);
      const [first, last] = edges;
      if (first === undefined || last === undefined) throw new Error("h2load marked no phases");
      return { done, seconds: (last.ms - first.ms) / 1000, cpuUs: last.cpuUs - first.cpuUs };
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      throw new Error(`${text}\nh2load ${args.join(" ")}\n${output.slice(-1000)}`, {
        cause: error,
      });
    }
  }
}

interface Edge {
  readonly cpuUs: number;
  readonly ms: number;
}

/** Whether h2load has stopped a timed load without printing its figures: nghttp2 issue 1168. */
export function isFrozen(output: string): boolean {
  return /^Main benchmark duration is over/m.test(output) && !/^finished in/m.test(output);
}

/** The number of correct responses in h2load's output. Throws if there was another one, or other TLS than intended. */
export function readH2load(output: string, protocol: TlsLoad["protocol"]): number {
  const found = (pattern: RegExp): string => pattern.exec(output)?.[1] ?? "nothing";
  const negotiated = {
    "TLS Protocol": "TLSv1.3",
    Cipher: CIPHER,
    "Server Temp Key": `${GROUP} 253 bits`,
    "Application protocol": protocol,
  };
  for (const [name, expected] of Object.entries(negotiated)) {
    const actual = found(new RegExp(`^${name}: (.+)$`, "m"));
    if (actual !== expected) throw new Error(`${name}: ${actual} instead of ${expected}`);
  }
  const requests = found(/^requests: (.+)$/m);
  const statuses = found(/^status codes: (.+)$/m);
  const done = Number(/(\d+) done/.exec(requests)?.[1] ?? 0);
  const isSound =
    done > 0 &&
    requests.endsWith(" 0 failed, 0 errored, 0 timeout") &&
    statuses.endsWith(" 0 3xx, 0 4xx, 0 5xx");
  if (!isSound) throw new Error(`h2load: requests: ${requests}; status codes: ${statuses}`);
  return done;
}

function toArguments(port: number, { protocol, method, connections, streams, length }: TlsLoad) {
  return [
    `--tls13-ciphers=${CIPHER}`,
    `--groups=${GROUP}`,
    `--connect-to=127.0.0.1:${port}`,
    ...(protocol === "h2" ? [] : ["--h1"]),
    ...(method === "HEAD" ? ["--header=:method: HEAD"] : []),
    `--clients=${connections}`,
    `--max-concurrent-streams=${streams}`,
    ...("seconds" in length
      ? [`--duration=${length.seconds}s`, "--warm-up-time=300ms"]
      : [`--requests=${length.handshakes}`, "--header=Connection: close"]),
    `https://${TLS_HOST}:${port}/small`,
  ];
}

async function runTimed(args: readonly string[], onEdge: () => void): Promise<string> {
  const child = spawn("h2load", args, {
    stdio: ["ignore", "pipe", "ignore"],
    timeout: DEADLINE_MS,
  });
  const exited = once(child, "close");
  const lines: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    if (/^Main benchmark duration is (started|over)/.test(line)) onEdge();
    lines.push(line);
  }
  await exited;
  return lines.join("\n");
}

async function runAll(args: readonly string[], onEdge: () => void): Promise<string> {
  onEdge();
  const { stdout } = await promisify(execFile)("h2load", args, { timeout: DEADLINE_MS });
  onEdge();
  return stdout;
}
