/** An open-loop client: asks by the clock, whether the last answer has come or not, so that a pause is felt by all it would hit. */

import { Agent, request } from "node:http";

export interface Probes {
  readonly count: number;
  /** Answers that were no 200, and requests without one. */
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly worstMs: number;
}

export interface Prober {
  stop(): Promise<Probes>;
}

const EVERY_MS = 4;
const PATIENCE_MS = 10_000;

/** Asks 250 times a second over connections that it keeps. A latency counts from when the request was due. */
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
    const status = await askOnce(port, "/small", agent);
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

/** One GET; resolves with its status, or undefined where there was no complete answer. */
export function askOnce(
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
