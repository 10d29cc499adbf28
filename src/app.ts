/** The composition root: every part is built here, once, from the configuration. */

import type { Address } from "./config/address.ts";
import type { Config, UpstreamConfig } from "./config/schema.ts";
import { createDiscard } from "./head/discard.ts";
import { createPeers, createTrust } from "./http/forwarded.ts";
import { createRouter } from "./http/router.ts";
import { createConnection } from "./net/connection.ts";
import { type Server, createServer } from "./net/server.ts";
import { createTunnels } from "./net/tunnel.ts";
import { type Pressure, createPressure } from "./net/pressure.ts";
import { type Upstream, createUpstream } from "./net/upstream.ts";
import { createAdmin } from "./ops/admin.ts";
import type { Logger } from "./ops/logger.ts";
import { createMetrics } from "./ops/metrics.ts";
import { createObserve } from "./ops/observe.ts";
import { createReadiness } from "./ops/readiness.ts";
import { type Generation, createProxy } from "./proxy.ts";
import { createUpgradeProxy } from "./upgrade.ts";

/** What the process gives to the composition. */
export interface AppOptions {
  readonly config: Config;
  readonly logger: Logger;
  readonly version: string;
  /** node's version, as `process.version` says it. */
  readonly nodeVersion: string;
  /** The process's own metrics; they can be collected once per process, which tests are not. */
  readonly runtimeMetrics: "on" | "off";
  /** A minor garbage collection. */
  collectGarbage(): void;
}

/** Where the two ports listen, as URLs or `unix:/path`. */
export interface Listening {
  readonly listen: string;
  readonly admin: string | undefined;
}

/** A running headgate. */
export interface App {
  /** Rejects with node's error where an address cannot be had; nothing listens then. */
  start(): Promise<Listening>;
  /** Finishes what is in flight within the grace period. Resolves with how that went. */
  stop(): Promise<"finished" | "cut off">;
}

interface Pool {
  readonly config: UpstreamConfig;
  readonly pool: Upstream;
}

// The admin port serves probes and scrapes; whoever needs longer or more is not one of those.
const ADMIN_LIMITS = { headerMs: 5_000, keepAliveMs: 30_000, headerBytes: 8 * 1024 };

/** Builds everything; nothing listens until `start`. */
export function createApp({
  config,
  logger,
  version,
  nodeVersion,
  runtimeMetrics,
  collectGarbage,
}: AppOptions): App {
  const readiness = createReadiness();
  const tunnels = createTunnels();
  const createId = createIds();
  const generation = compile(config, createPressure(collectGarbage));

  const metrics = createMetrics({
    build: { version, node: nodeVersion },
    runtime: runtimeMetrics,
    loadedAtSeconds: Date.now() / 1000,
    sources: {
      requestsInFlight: () => server.busy(),
      clientConnections: () => server.connections(),
      tunnels: tunnels.count,
      upstreamConnections: () => toConnectionCounts(generation.pools),
      droppedLogLines: logger.droppedLines,
    },
  });
  const observe = createObserve({
    logger,
    metrics,
    access: config.log.access,
    query: config.log.query ? "log" : "omit",
    fields: config.log.fields,
  });
  const proxy = createProxy({ generation: () => generation, createId, observe });
  const upgrades = createUpgradeProxy({ generation: () => generation, createId, observe, tunnels });

  const server = createServer(
    {
      onRequest: (request, response) => void proxy(request, response),
      isUpgrade: upgrades.isWanted,
      onUpgrade: (upgrade) => void upgrades.open(upgrade),
      createId,
    },
    {
      headerMs: config.timeouts.header,
      keepAliveMs: config.timeouts.keepAlive,
      headerBytes: config.limits.headerBytes,
    },
  );
  const admin = createServer(
    {
      onRequest: createAdmin({ readiness, metrics, logger }),
      isUpgrade: () => false,
      onUpgrade: () => undefined,
      createId,
    },
    ADMIN_LIMITS,
  );

  return {
    async start() {
      const adminUrl = await listenAdmin(admin, config.admin);
      try {
        const listening = { listen: await server.listen(config.listen), admin: adminUrl };
        readiness.ready();
        return listening;
      } catch (error) {
        admin.destroy();
        await admin.close();
        throw error;
      }
    },
    async stop() {
      readiness.drain();
      server.drain();
      const end = await finishWithin(config.shutdown.grace, server.close(), () => {
        tunnels.closeAll();
        server.destroy();
      });
      for (const { pool } of generation.pools.values()) pool.close();
      admin.destroy();
      if (config.admin !== "off") await admin.close();
      return end;
    },
  };
}

function compile(
  config: Config,
  onBytes: Pressure,
): Generation & { readonly pools: ReadonlyMap<string, Pool> } {
  const pools = new Map<string, Pool>();
  for (const upstream of config.upstreams.values()) {
    const limits = { connections: upstream.maxConnections, waiting: config.limits.waiting };
    pools.set(upstream.name, {
      config: upstream,
      pool: createUpstream(limits, (events) => createConnection(upstream, events, onBytes)),
    });
  }
  return {
    pools,
    match: createRouter(config.routes, config.defaultRoute).match,
    upstream(name) {
      const pool = pools.get(name);
      if (pool === undefined) throw new Error(`no upstream is named ${name}`); // the schema has checked every route
      return pool;
    },
    peer:
      config.forwarded === "off"
        ? undefined
        : createPeers(
            createTrust(config.forwarded.trust, config.listen.kind === "unix" ? "unix" : "tcp"),
          ),
    requestId: config.requestId,
    mostFields: config.limits.headerCount,
    discard: createDiscard(config.limits.draining),
    tunnelLimits: { upgradeMs: config.timeouts.upgrade, idleMs: config.timeouts.tunnelIdle },
  };
}

async function listenAdmin(admin: Server, address: Address | "off"): Promise<string | undefined> {
  return address === "off" ? undefined : admin.listen(address);
}

function finishWithin(
  graceMs: number,
  finished: Promise<void>,
  cutOff: () => void,
): Promise<"finished" | "cut off"> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      cutOff();
      resolve("cut off");
    }, graceMs);
    void finished.then(() => {
      clearTimeout(timer);
      resolve("finished");
    });
  });
}

function* toConnectionCounts(
  pools: ReadonlyMap<string, Pool>,
): Generator<{ upstream: string; state: string; count: number }> {
  for (const [upstream, { pool }] of pools) {
    const { idle, active } = pool.connections();
    yield { upstream, state: "idle", count: idle };
    yield { upstream, state: "active", count: active };
  }
}

// A counter behind a random start: unique where one process's log is read, and a tenth of a UUID's price.
function createIds(): () => string {
  const prefix = Math.random().toString(36).slice(2, 10);
  let count = 0;
  return () => `${prefix}-${(count += 1).toString(36)}`;
}
