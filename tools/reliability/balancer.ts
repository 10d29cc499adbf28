/** A client that spreads its requests like a load balancer, follows the readiness of instances, and retries nothing. */

import { Agent, type ClientRequest, request } from "node:http";
import { sendOnce } from "./prober.ts";
import type { Subject } from "./subject.ts";

/** A running balancer. */
export interface Balancer {
  /** Sets the instances that it may use from now on; it forgets the others. */
  use(instances: readonly Subject[]): void;
  /** Resolves when that instance receives requests, or receives none any more. */
  until(instance: Subject, state: "used" | "unused"): Promise<void>;
  stop(): Promise<{ readonly count: number; readonly failures: readonly string[] }>;
}

const LOOPS = 16;
const LOOK_EVERY_MS = 50;

interface Known {
  readonly instance: Subject;
  readonly agent: Agent;
  isReady: boolean;
}

/** Starts the balancer; it does nothing until it has an instance that is ready. */
export function startBalancer(): Balancer {
  let known: readonly Known[] = [];
  let isRunning = true;
  let count = 0;
  const failures: string[] = [];

  // `/readyz` decides which instances get new requests; the agent obeys `Connection: close` and closes such a connection.
  const looking = (async () => {
    for (; isRunning; await pause(LOOK_EVERY_MS)) {
      for (const one of known)
        one.isReady = (await sendOnce(one.instance.adminPort, "/readyz", false)) === 200;
    }
  })();
  const loops = Array.from({ length: LOOPS }, async (_, index) => {
    for (let turn = index; isRunning; turn += 1) {
      const ready = known.filter(({ isReady }) => isReady);
      const one = ready[turn % ready.length];
      if (one === undefined) await pause(1);
      else await ask(one);
    }
  });

  async function ask({ instance, agent }: Known): Promise<void> {
    count += 1;
    const method = ["GET", "HEAD", "POST"][count % 3] ?? "GET";
    const sent = request({ host: "127.0.0.1", port: instance.port, method, path: "/small", agent });
    const failure = await failureOf(sent, method === "POST" ? "content" : undefined);
    if (failure !== undefined) failures.push(`${method} to ${instance.port}: ${failure}`);
  }

  return {
    use(instances) {
      const kept = known.filter(({ instance }) => instances.includes(instance));
      const added = instances.filter((one) => !kept.some(({ instance }) => instance === one));
      const fresh = added.map((instance) => ({
        instance,
        agent: new Agent({ keepAlive: true }),
        isReady: false,
      }));
      known = [...kept, ...fresh];
    },
    async until(instance, state) {
      const isUsed = (): boolean => known.some((one) => one.instance === instance && one.isReady);
      while (isUsed() !== (state === "used")) await pause(5);
    },
    async stop() {
      isRunning = false;
      await Promise.all([looking, ...loops]);
      for (const { agent } of known) agent.destroy();
      return { count, failures };
    },
  };
}

/** Why a request got no complete 200; undefined if it did. */
export function failureOf(
  sent: ClientRequest,
  content?: string | Uint8Array,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    sent.once("error", (error) => resolve(error.message));
    sent.once("response", (answer) => {
      answer.on("error", () => undefined).resume();
      answer.once("close", () => {
        const isGood = answer.complete && answer.statusCode === 200;
        resolve(isGood ? undefined : `${String(answer.statusCode)}, complete: ${answer.complete}`);
      });
    });
    sent.end(content);
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
