import { setTimeout as delay } from "node:timers/promises";
import type { Children } from "../shared/children.ts";
import { findFreePort, waitAccepting } from "../shared/ports.ts";
import type { Tools } from "./tools.ts";

/** What the backend saw since it started; a connection that only asked for these counters is not in them. */
interface BackendCounters {
  readonly connections: number;
  readonly requests: number;
  readonly heads: number;
  /** Content of /big and /huge that was handed to the kernel. */
  readonly bigBytes: number;
}

export interface Backend {
  readonly port: number;
  readonly counters: () => Promise<BackendCounters>;
  /** The counters once no content has moved for 200 ms: some proxies pull what nobody reads after their answer. */
  readonly settledCounters: () => Promise<BackendCounters>;
}

export const SMALL_BODY = '{"status":"ok"}';
export const BIG_BYTES = 100_000_000;
export const HUGE_BYTES = 2 ** 31;

export async function startBackend(children: Children, tools: Tools): Promise<Backend> {
  const port = await findFreePort();
  const child = children.start("backend", [tools.backend, String(port)]);
  await waitAccepting(child, port);

  async function counters(): Promise<BackendCounters> {
    const answer = await fetch(`http://127.0.0.1:${port}/stats`);
    return (await answer.json()) as BackendCounters;
  }

  async function settledCounters(): Promise<BackendCounters> {
    let last = await counters();
    for (;;) {
      await delay(200);
      const next = await counters();
      if (next.bigBytes === last.bigBytes) return next;
      last = next;
    }
  }

  return { port, counters, settledCounters };
}
