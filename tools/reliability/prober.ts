/** An open-loop client: sends by the clock, without waiting for responses, so that a pause affects every request that it would hit. */

import { Agent, request } from "node:http";

/** The results of probes. */
export interface Probes {
  readonly count: number;
  /** Responses with a status other than 200, and requests without response. */
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly worstMs: number;
}

/** A running prober. */
export interface Prober {
  stop(): Promise<Probes>;
}

const EVERY_MS = 4;
const PATIENCE_MS = 10_000;

/** Sends 250 requests a second on kept connections. A latency counts from the time when the request was due. */
export function startProber(port: number): Prober {
  const agent = new Agent({ keepAlive: true });
  const latenciesMs: number[] = [];
  const running = new Set<Promise<void>>();
  let failed = 0;
  let dueMs = performance.now();
  const timer = setInterval(() => {
    for (; dueMs <= performance.now(); dueMs += EVERY_MS) {
      const asked = ask(dueMs);
      running.add(asked);
      void asked.then(() => running.delete(asked));
    }
  }, 1);

  async function ask(fromMs: number): Promise<void> {
    const status = await sendOnce(port, "/small", agent);
    if (status === 200) latenciesMs.push(performance.now() - fromMs);
    else failed += 1;
  }

  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(running);
      agent.destroy();
      latenciesMs.sort((a, b) => a - b);
      const at = (share: number): number =>
        latenciesMs[Math.min(latenciesMs.length - 1, Math.floor(latenciesMs.length * share))] ??
        NaN;
      return {
        count: latenciesMs.length + failed,
        failed,
        p50Ms: at(0.5),
        p99Ms: at(0.99),
        worstMs: at(1),
      };
    },
  };
}

/** Sends one GET; resolves with its status, or with undefined if there was no complete response. */
export function sendOnce(
  port: number,
  path: string,
  agent: Agent | false,
): Promise<number | undefined> {
  return new Promise((resolve) => {
    const sent = request({ host: "127.0.0.1", port, path, agent, timeout: PATIENCE_MS });
    sent.once("timeout", () => sent.destroy());
    sent.once("error", () => resolve(undefined));
    sent.once("response", (answer) => {
      answer.resume().once("close", () => resolve(answer.complete ? answer.statusCode : undefined));
      answer.on("error", () => undefined);
    });
    sent.end();
  });
}
