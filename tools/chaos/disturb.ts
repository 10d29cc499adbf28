/** Disturbs the run: upstreams die and come back at another address, and the configuration changes, validly and invalidly. */

import { renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Calm } from "./calm.ts";
import { HEADS, hostOf } from "./heads.ts";
import type { Ledger } from "./ledger.ts";
import { ROADS } from "./plan.ts";
import { HUNG, PAIR, SLOW } from "../shared/names.ts";
import type { Random } from "../shared/random.ts";
import { CERTIFICATE, KEY } from "../../test/support/certificate.ts";
import type { Target } from "./target.ts";
import { type Life, type Surroundings, startLife } from "./upstream.ts";

// More than clients on any road but the narrow one, where further clients are refused.
const WAITING = 8;

/** After SIGTERM headgate still accepts connections for so long. */
const SHUTDOWN_DELAY_MS = 200;

/** The upstreams that are running. */
export interface Upstreams {
  tcp: Life;
  unix: Life;
  /** Two upstreams at the same port, each with its own address. */
  readonly pair: Life[];
  readonly tls: Life;
  readonly narrow: Life;
  readonly slow: Life;
  /** The file with the certificate of the TLS upstream. */
  readonly ca: string;
  /** The file with its key, for the listener with TLS. */
  readonly key: string;
  /** The path in the route file: a link to a new socket after each death. */
  readonly link: string;
}

/** Starts all upstreams. */
export async function startUpstreams(folder: string, around: Surroundings): Promise<Upstreams> {
  const link = join(folder, "app.sock");
  const ca = join(folder, "ca.pem");
  const key = join(folder, "key.pem");
  writeFileSync(ca, CERTIFICATE);
  writeFileSync(key, KEY);
  return {
    tcp: await startLife("tcp", { host: "127.0.0.2" }, around),
    unix: await startLinked(folder, link, around),
    pair: await startPair(around),
    tls: await startLife("tls", { host: "127.0.7.5" }, around),
    narrow: await startLife("narrow", { host: "127.0.7.6" }, around),
    slow: await startLife("slow", { host: SLOW.address }, around),
    link,
    ca,
    key,
  };
}

async function startPair(around: Surroundings): Promise<Life[]> {
  const [host, second] = PAIR.addresses;
  const first = await startLife("pair", { host }, around);
  return [first, await startLife("pair", { host: second, port: first.port }, around)];
}

/** Stops all upstreams. */
export async function stopUpstreams({ tcp, unix, pair, tls, narrow, slow }: Upstreams) {
  await Promise.all([tcp, unix, ...pair, tls, narrow, slow].map((life) => life.die()));
}

/** The route file. `count` changes a value that does not affect exchanges, so that each reload has a change. */
export function toYaml({ tcp, link, ...more }: Upstreams, count: number): string {
  const times = "responseTimeout: 2s, idleTimeout: 2s, connectTimeout: 1s, keepAlive: 1s";
  const shape = `host: ${count % 4 < 2 ? "preserve" : "upstream"}, maxConnections: ${64 + (count % 3)}`;
  const none = Array.from({ length: count % 5 }, (_, index) => `{ path: /none/${index}/* }`);
  const drain = `drain: { bytes: ${count % 2 === 0 ? "64KiB" : "1KiB"} }`;
  const roads = Object.keys(ROADS);
  const routes = [
    ...roads.map((road) => `{ path: /${road}/*, upstream: ${road}, head: { ${drain} } }`),
    ...Object.entries(HEADS).flatMap(([name, { yaml }]) =>
      yaml === "" ? [] : roads.map((road) => toHeadRoute(name, road, yaml)),
    ),
    ...none,
  ];
  return `listen:
  - 127.0.0.1:0
  - { address: "127.0.0.1:0", http2: true, tls: { cert: "${more.ca}", key: "${more.key}" } }
  - { address: "127.0.0.1:0", http2: true }
admin: 127.0.0.1:0
upstream: { url: "${tcp.address}" }
upstreams:
  tcp: { url: "${tcp.address}", ${times}, ${shape} }
  unix: { url: "unix:${link}", ${times}, ${shape} }
  pair: { url: "http://${PAIR.name}:${more.pair[0]?.port}", ${times}, ${shape} }
  tls: { url: "${more.tls.address.replace("http:", "https:")}", ${times}, ${shape}, tls: { serverName: backend.test, ca: "${more.ca}" } }
  narrow: { url: "${more.narrow.address}", ${times.replace("keepAlive: 1s", "keepAlive: 5s")}, maxConnections: ${1 + (count % 4)} }
  slow: { url: "http://${SLOW.name}:${more.slow.port}", ${times}, ${shape} }
  hung: { url: "http://${HUNG[0]}:9", ${times}, ${shape} }
routes: [${routes.join(", ")}]
limits: { waiting: ${WAITING} }
timeouts: { header: 3s, keepAlive: 5s, idle: 5s, upgrade: 2s, tunnelIdle: 5s }
shutdown: { delay: ${SHUTDOWN_DELAY_MS}ms }
log: { access: errors }
`;
}

function toHeadRoute(name: string, road: string, yaml: string): string {
  return `{ host: ${hostOf(name)}, path: /${road}/*, upstream: ${road}, head: { ${yaml} } }`;
}

/** The parts that are disturbed. */
export interface DisturbParts extends Surroundings {
  readonly target: Target;
  readonly upstreams: Upstreams;
  readonly calm: Calm;
  readonly ledger: Ledger;
  readonly random: Random;
  isOver(): boolean;
}

type Disturbance =
  | "killTcp"
  | "killUnix"
  | "killOneOfPair"
  | "hangUp"
  | "edit"
  | "reload"
  | "mistake"
  | "tight";

const WEIGHTS: Readonly<Record<Disturbance, number>> = {
  killTcp: 2,
  killUnix: 2,
  killOneOfPair: 3,
  hangUp: 2,
  edit: 2,
  reload: 2,
  mistake: 1,
  tight: 1,
};

/** Disturbs until the run is over. */
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
  // The other upstream stays up, so only exchanges on the dying one may fail.
  async killOneOfPair(parts) {
    const { upstreams, calm, random } = parts;
    const index = random.below(2);
    const life = upstreams.pair[index];
    const host = PAIR.addresses[index];
    if (life === undefined || host === undefined) return;
    const settle = calm.disturb("pair", ["broken", 502]);
    await life.die();
    settle();
    await pause(random.below(1_500));
    upstreams.pair[index] = await startLife("pair", { host, port: life.port }, parts);
  },
  async hangUp({ target }) {
    target.signal("SIGHUP");
  },
  async edit({ target, upstreams }, count) {
    target.write(toYaml(upstreams, count));
  },
  reload: replace,
  async mistake(parts, count) {
    const { target, upstreams } = parts;
    target.write("upstream: [\n");
    await expectReload(parts, 422);
    target.write(toYaml(upstreams, count));
  },
  async tight(parts, count) {
    const { target, upstreams, calm, random } = parts;
    const settle = calm.disturb("both", [503]);
    target.write(
      toYaml(upstreams, count)
        .replaceAll(/maxConnections: \d+/g, "maxConnections: 2")
        .replace(/waiting: \d+/, "waiting: 1"),
    );
    await target.reload();
    await pause(random.below(300));
    await replace(parts, count + 1);
    settle();
  },
};

async function replace(parts: DisturbParts, count: number): Promise<void> {
  parts.target.write(toYaml(parts.upstreams, count));
  await expectReload(parts, 200);
}

async function expectReload({ target, ledger, calm }: DisturbParts, expected: number) {
  const startMs = performance.now();
  let status = await target.reload();
  calm.look();
  // On a starved machine the admin port gives up a response that takes too long. What was written is then not in use yet.
  for (; status === 0 && calm.wasStarved(startMs); calm.look()) status = await target.reload();
  if (status !== expected)
    ledger.violated(`a reload was answered with ${status} in place of ${expected}`);
}

/** Starts an upstream on a new socket path, and moves the link there in one step. */
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
