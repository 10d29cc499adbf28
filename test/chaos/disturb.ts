/** What happens around the exchanges: upstreams die and come back elsewhere, the configuration changes, right and wrong. */

import { renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { Calm } from "./calm.ts";
import type { Ledger } from "./ledger.ts";
import type { Random } from "./random.ts";
import type { Target } from "./target.ts";
import { type Life, type Surroundings, startLife } from "./upstream.ts";

/** The two upstreams as they live now. */
export interface Upstreams {
  tcp: Life;
  unix: Life;
  /** The path in the route file: a link, which leads to a new socket after each death. */
  readonly link: string;
}

/** Starts both. */
export async function startUpstreams(folder: string, around: Surroundings): Promise<Upstreams> {
  const link = join(folder, "app.sock");
  return {
    tcp: await startLife("tcp", { host: "127.0.0.2" }, around),
    unix: await startLinked(folder, link, around),
    link,
  };
}

/** The route file. `count` changes what does not matter to an exchange, so that each reload has something to do. */
export function toYaml({ tcp, link }: Upstreams, count: number): string {
  const times = "responseTimeout: 2s, idleTimeout: 2s, connectTimeout: 1s, keepAlive: 1s";
  const shape = `host: ${count % 4 < 2 ? "preserve" : "upstream"}, maxConnections: ${64 + (count % 3)}`;
  const more = Array.from({ length: count % 5 }, (_, index) => `{ path: /none/${index}/* }`);
  const routes = [
    "{ path: /unix/*, upstream: unix }",
    `{ path: /tcp/*, upstream: tcp, head: { drain: { bytes: ${count % 2 === 0 ? "64KiB" : "1KiB"} } } }`,
    ...more,
  ];
  return `listen: 127.0.0.1:0
admin: 127.0.0.1:0
upstream: { url: "${tcp.address}" }
upstreams:
  tcp: { url: "${tcp.address}", ${times}, ${shape} }
  unix: { url: "unix:${link}", ${times}, ${shape} }
routes: [${routes.join(", ")}]
timeouts: { header: 3s, keepAlive: 5s, idle: 5s, upgrade: 2s, tunnelIdle: 5s }
log: { access: errors }
`;
}

export interface DisturbParts extends Surroundings {
  readonly target: Target;
  readonly upstreams: Upstreams;
  readonly calm: Calm;
  readonly ledger: Ledger;
  readonly random: Random;
  isOver(): boolean;
}

type Disturbance = "killTcp" | "killUnix" | "hangUp" | "edit" | "reload" | "mistake" | "tight";

const WEIGHTS: Readonly<Record<Disturbance, number>> = {
  killTcp: 2,
  killUnix: 2,
  hangUp: 2,
  edit: 2,
  reload: 2,
  mistake: 1,
  tight: 1,
};

/** Disturbs until it is over. */
export async function disturb(parts: DisturbParts): Promise<void> {
  const { random, ledger, isOver } = parts;
  for (let count = 1; !isOver(); count += 1) {
    await pause(100 + random.below(900));
    const name = random.weighted(WEIGHTS);
    ledger.count(`disturbance ${name}`);
    await DISTURBANCES[name](parts, count);
  }
}

const DISTURBANCES: Readonly<
  Record<Disturbance, (parts: DisturbParts, count: number) => Promise<void>>
> = {
  async killTcp(parts, count) {
    const { upstreams, calm, random } = parts;
    const settle = calm.disturb("tcp", ["broken", 502]);
    await upstreams.tcp.die();
    await pause(random.below(200));
    upstreams.tcp = await startLife("tcp", { host: `127.0.0.${2 + (count % 50)}` }, parts);
    await replace(parts, count);
    settle();
  },
  async killUnix(parts) {
    const { upstreams, calm, random, target } = parts;
    const settle = calm.disturb("unix", ["broken", 502]);
    await upstreams.unix.die();
    await pause(random.below(200));
    upstreams.unix = await startLinked(target.folder, upstreams.link, parts);
    settle();
  },
  async hangUp({ target }) {
    target.signal("SIGHUP");
  },
  async edit({ target, upstreams }, count) {
    target.write(toYaml(upstreams, count));
  },
  reload: replace,
  async mistake({ target, upstreams, ledger }, count) {
    target.write("upstream: [\n");
    const status = await target.reload();
    if (status !== 422) ledger.violated(`a wrong route file was answered with ${status}`);
    target.write(toYaml(upstreams, count));
  },
  async tight(parts, count) {
    const { target, upstreams, calm, random } = parts;
    const settle = calm.disturb("both", [503]);
    target.write(
      toYaml(upstreams, count).replaceAll(/maxConnections: \d+/g, "maxConnections: 2") +
        "limits: { waiting: 1 }\n",
    );
    await target.reload();
    await pause(random.below(300));
    await replace(parts, count + 1);
    settle();
  },
};

async function replace({ target, upstreams, ledger }: DisturbParts, count: number): Promise<void> {
  target.write(toYaml(upstreams, count));
  const status = await target.reload();
  if (status !== 200) ledger.violated(`a reload was answered with ${status}`);
}

/** A socket at a path of its own, and the link moved there in one step. */
async function startLinked(folder: string, link: string, around: Surroundings): Promise<Life> {
  const path = join(folder, `${around.random.below(1e9).toString(36)}.sock`);
  const life = await startLife("unix", { path }, around);
  symlinkSync(path, `${link}.new`);
  renameSync(`${link}.new`, link);
  return life;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
