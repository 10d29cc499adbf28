import { setTimeout as delay } from "node:timers/promises";
import type { Children } from "../shared/children.ts";
import { findFreePort, waitAccepting } from "../shared/ports.ts";
import type { Tools } from "./tools.ts";

/** What the backend counted since its start; a connection that only requests these counters is not counted. */
interface BackendCounters {
  readonly connections: number;
  readonly requests: number;
  readonly heads: number;
  /** Content of /big and /huge that the kernel accepted. */
  readonly bigBytes: number;
}

/** The running backend. */
export interface Backend {
  readonly port: number;
  readonly counters: () => Promise<BackendCounters>;
  /** The counters after no content has moved for 200 ms: some proxies read unneeded content after their response. */
  readonly settledCounters: () => Promise<BackendCounters>;
}

/** The content of /small. */
export const SMALL_BODY = '{"status":"ok"}';
/** The size of /big. */
export const BIG_BYTES = 100_000_000;
/** The size of /huge. */
export const HUGE_BYTES = 2 ** 31;

/** Starts the backend. */
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
