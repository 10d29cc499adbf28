import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { TLS_HOST } from "../configs.ts";
import type { LoadResult } from "../tools.ts";
import type { TlsLoad, TlsLoadResult } from "./h2load.ts";

const WARM_SECONDS = 0.3;

/**
 * Whether load.c runs a load. h2load cannot: over HTTP/1.1 it takes a HEAD's Content-Length for that of the response, and waits for the
 * content (nghttp2's src/h2load_http1_session.cc looks only at the status to tell whether content follows).
 */
export function needsOwnLoad({ protocol, method }: TlsLoad): boolean {
  return protocol === "http/1.1" && method === "HEAD";
}

/** Runs a timed load. `readCpuUs` returns the processor time of the peer so far. Throws if a response was wrong or broken. */
export async function runOwnLoad(
  program: string,
  port: number,
  { method, connections, length }: TlsLoad,
  readCpuUs: () => number,
): Promise<TlsLoadResult> {
  const seconds = "seconds" in length ? length.seconds : 0;
  const args = ["-m", method, "-c", String(connections), "-d", String(seconds)];
  args.push("-w", String(WARM_SECONDS), "-t", TLS_HOST, String(port), "/small");
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"] });
  const exited = once(child, "close");
  const cpuUs: number[] = [];
  let last = "";
  for await (const line of createInterface(child.stdout)) {
    cpuUs.push(readCpuUs());
    last = line;
  }
  await exited;
  const [before, after] = cpuUs;
  if (before === undefined || after === undefined) throw new Error(`load.c ended early: ${last}`);
  const { done, wrong, broken, seconds: taken } = JSON.parse(last) as LoadResult;
  if (done === 0 || wrong > 0 || broken > 0)
    throw new Error(`${method} over TLS: ${wrong} wrong, ${broken} broken responses of ${done}`);
  return { done, seconds: taken, cpuUs: after - before };
}
