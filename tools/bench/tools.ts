import { execFile, spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** The two C programs of the benchmark, a backend and a load generator; in Node they would not be fast enough. */
export interface Tools {
  readonly backend: string;
  readonly load: string;
  /** The load generator with TLS; undefined if OpenSSL's headers are not installed. */
  readonly loadTls: string | undefined;
}

/** Compiles them into `folder`. Throws if there is no C compiler. */
export function compileTools(folder: string): Tools {
  return {
    backend: compile("backend", folder),
    load: compile("load", folder),
    loadTls: hasOpenssl() ? compile("load", folder, "with TLS") : undefined,
  };
}

function hasOpenssl(): boolean {
  const input = "#include <openssl/ssl.h>";
  return spawnSync("cc", ["-E", "-x", "c", "-"], { input, stdio: "pipe" }).status === 0;
}

function compile(name: string, folder: string, variant?: "with TLS"): string {
  const program = join(folder, variant === undefined ? name : `${name}-tls`);
  const source = fileURLToPath(new URL(`${name}.c`, import.meta.url));
  const tls = variant === undefined ? [] : ["-DWITH_TLS", "-lssl", "-lcrypto"];
  const result = spawnSync("cc", ["-O2", "-o", program, source, ...tls], { encoding: "utf8" });
  if (result.error !== undefined) {
    throw new Error(
      "The benchmark needs a C compiler named cc (Debian: apt-get install gcc libc6-dev)",
    );
  }
  if (result.status !== 0) throw new Error(`cc could not compile ${source}\n${result.stderr}`);
  return program;
}

/** The load on one port. */
export interface Load {
  readonly method: "GET" | "HEAD";
  readonly path: string;
  readonly connections: number;
  readonly seconds: number;
  /** Ends the load early, after that many responses. */
  readonly requests?: number;
}

/** The result of a load. */
export interface LoadResult {
  readonly seconds: number;
  readonly done: number;
  /** Responses with a status other than 200. */
  readonly wrong: number;
  /** Resets, early ends, and content after a HEAD's header section. */
  readonly broken: number;
  readonly bytes: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

/** Runs the load generator against a port. Throws if a response was wrong or broken: such figures have no meaning. */
export async function runLoad(tools: Tools, port: number, load: Load): Promise<LoadResult> {
  const limit = load.requests === undefined ? [] : ["-n", String(load.requests)];
  const args = [
    "-m",
    load.method,
    "-c",
    String(load.connections),
    "-d",
    String(load.seconds),
    ...limit,
  ];
  const { stdout } = await promisify(execFile)(tools.load, [...args, String(port), load.path]);
  const result = JSON.parse(stdout) as LoadResult;
  if (result.wrong > 0 || result.broken > 0) {
    throw new Error(
      `${load.method} ${load.path}: ${result.wrong} wrong, ${result.broken} broken answers of ${result.done}`,
    );
  }
  return result;
}
