/** A rolling update behind a real HAProxy without retries, as in a cluster: two instances, each restarted in turn under load. */

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { parse } from "yaml";
import { findFreePort, waitAccepting } from "../shared/ports.ts";
import { failureOf } from "./balancer.ts";
import { pause } from "./crowd.ts";
import type { Row } from "./row.ts";
import { type Subject, type Surroundings, startSubject } from "./subject.ts";

const CLIENTS = 16;
const LEAST_REQUESTS = 10_000;
const VALUES = new URL("../../helm/headgate/values.yaml", import.meta.url);

/** In turn: a request that load balancers retry, requests that they never retry, and content in both directions. */
const REQUESTS: readonly { readonly method: string; readonly content?: Buffer }[] = [
  { method: "GET" },
  { method: "HEAD" },
  { method: "POST", content: Buffer.from("content") },
  { method: "HEAD" },
  { method: "PUT", content: Buffer.alloc(64 * 1024, "headgate") },
];

/** Restarts each instance that many times, under load throughout. Without HAProxy it measures nothing, which fails in CI. */
export async function measureBehindHaproxy(
  around: Surroundings,
  cycles: number,
): Promise<readonly Row[]> {
  if (spawnSync("haproxy", ["-v"]).status !== 0 && process.env["CI"] !== "true") {
    console.error(
      "  the rolling update behind HAProxy is left out: there is no haproxy (Debian's package haproxy)",
    );
    return [];
  }
  const delay = `${chartsDelaySeconds()}s`;
  const instances = [
    await startSubject("headgate", around, { delay }),
    await startSubject("headgate", around, { delay }),
  ];
  const haproxy = await startHaproxy(around, instances);
  for (const index of instances.keys()) await haproxy.untilUsed(index);
  const load = startLoad(haproxy.port);
  for (let done = 0; done < cycles * instances.length; done += 1) {
    const index = done % instances.length;
    const { child, port, adminPort } = instances[index] as Subject;
    await child.stop(40_000);
    instances[index] = await startSubject("headgate", around, { delay, ports: [port, adminPort] });
    await haproxy.untilUsed(index);
  }
  const { count, failures } = await load.stop();
  for (const failure of failures.slice(0, 5)) console.error(`  ${failure}`);
  await haproxy.stop();
  await Promise.all(instances.map(({ child }) => child.stop(0)));
  return [
    {
      subject: "headgate",
      what: `rolling update behind HAProxy without retries, ${cycles * instances.length} restarts of two instances by turns`,
      figure: `${failures.length} of ${count} requests failed`,
      promise: "none failed",
      isMet: failures.length === 0,
    },
  ];
}

/** The time that the chart gives load balancers to notice that an instance stops. */
function chartsDelaySeconds(): number {
  const { shutdown } = parse(readFileSync(VALUES, "utf8")) as {
    readonly shutdown: { readonly delaySeconds: number };
  };
  return shutdown.delaySeconds;
}

interface Haproxy {
  readonly port: number;
  /** Resolves when HAProxy sends requests to that instance. */
  untilUsed(index: number): Promise<void>;
  stop(): Promise<void>;
}

/** It requests each instance's `/readyz` once a second; Kubernetes needs about as long to tell all nodes that an endpoint is gone. */
async function startHaproxy(
  { folder, children }: Surroundings,
  instances: readonly Subject[],
): Promise<Haproxy> {
  const [port, statisticsPort] = [await findFreePort(), await findFreePort()];
  const servers = instances.map(
    ({ port: to, adminPort }, index) =>
      `  server headgate-${index} 127.0.0.1:${to} check port ${adminPort} inter 1s fall 1 rise 1`,
  );
  const file = join(folder, "balancer.cfg");
  writeFileSync(
    file,
    `global
  nbthread 1
defaults
  mode http
  retries 0
  no option redispatch
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend clients
  bind 127.0.0.1:${port}
  default_backend headgate
backend headgate
  balance roundrobin
  option httpchk GET /readyz
  http-check expect status 200
${servers.join("\n")}
frontend statistics
  bind 127.0.0.1:${statisticsPort}
  stats enable
  stats uri /
`,
  );
  const child = children.start("balancer", ["haproxy", "-W", "-db", "-f", file]);
  await waitAccepting(child, port);
  return {
    port,
    async untilUsed(index) {
      while ((await readState(statisticsPort, `headgate-${index}`)) !== "UP") await pause(50);
    },
    stop: () => child.stop(5_000),
  };
}

/** A server's state in HAProxy's statistics, which are CSV: `UP`, `DOWN`, or one of them with a count of checks. */
async function readState(port: number, server: string): Promise<string | undefined> {
  const text = await (await fetch(`http://127.0.0.1:${port}/;csv`)).text();
  const [header = "", ...lines] = text.replace(/^# /, "").split("\n");
  const column = header.split(",").indexOf("status");
  const line = lines.find((one) => one.startsWith(`headgate,${server},`));
  return line?.split(",")[column];
}

interface Load {
  /** Ends after at least 10,000 requests. */
  stop(): Promise<{ readonly count: number; readonly failures: readonly string[] }>;
}

/** Clients that each keep a connection to HAProxy and retry nothing. */
function startLoad(port: number): Load {
  let isWanted = true;
  let count = 0;
  const failures: string[] = [];
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  const clients = Array.from({ length: CLIENTS }, async (_, first) => {
    for (let turn = first; isWanted || count < LEAST_REQUESTS; turn += 1) {
      count += 1;
      const { method, content } = REQUESTS[turn % REQUESTS.length] ?? { method: "GET" };
      const failure = await failureOf(request({ port, host: "127.0.0.1", method, agent }), content);
      if (failure !== undefined) failures.push(`${method}: ${failure}`);
    }
  });
  return {
    async stop() {
      isWanted = false;
      await Promise.all(clients);
      agent.destroy();
      return { count, failures };
    },
  };
}
