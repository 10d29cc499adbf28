/** What one configuration compiles to, and what the next one takes over from it. */

import type { Config, UpstreamConfig } from "./config/schema.ts";
import { createDiscard } from "./head/discard.ts";
import { createHeadLimits } from "./head/limits.ts";
import { createMemory } from "./head/memory.ts";
import { createSharing } from "./head/share.ts";
import { createPeers, createTrust } from "./http/forwarded.ts";
import { createRouter } from "./http/router.ts";
import type { Generation } from "./proxy.ts";
import type { ConnectionPool } from "./upstream/pool.ts";
import { type UpstreamResources, createUpstreamPool } from "./upstream/upstream-pool.ts";

/** An upstream's connections. `key` is all that they depend on. */
export interface Pool {
  readonly key: string;
  readonly config: UpstreamConfig;
  readonly pool: ConnectionPool;
}

/** A configuration in use. */
export interface CompiledGeneration extends Generation {
  readonly config: Config;
  readonly pools: ReadonlyMap<string, Pool>;
}

/** Compiles a configuration. Connections to upstreams that did not change are those of `previous`. */
export function compile(
  config: Config,
  shared: UpstreamResources,
  previous?: CompiledGeneration,
): CompiledGeneration {
  const known = new Map([...(previous?.pools.values() ?? [])].map((pool) => [pool.key, pool]));
  const pools = new Map<string, Pool>();
  for (const upstream of config.upstreams.values()) {
    const pool = toPool(upstream, config.limits.waiting, shared);
    pools.set(upstream.name, known.get(pool.key) ?? pool);
  }
  return {
    config,
    pools,
    match: createRouter(config.routes, config.defaultRoute).match,
    upstream(name) {
      const pool = pools.get(name);
      if (pool === undefined) throw new Error(`no upstream is named ${name}`); // the schema has checked every route
      return pool;
    },
    peer: toPeers(config),
    requestId: config.requestId,
    mostFields: config.limits.headerCount,
    discard: createDiscard(config.limits.draining),
    needsGet: createMemory(() => performance.now()),
    refusesRange: createMemory(() => performance.now()),
    batchWrites: shared.batchWrites,
    limits: createHeadLimits(() => performance.now()),
    sharing: createSharing(() => performance.now()),
    upgradeLimits: {
      upgradeMs: config.timeouts.upgrade,
      idleMs: config.timeouts.tunnelIdle,
      stuckMs: config.timeouts.idle,
      max: config.limits.tunnels === 0 ? Infinity : config.limits.tunnels,
    },
  };
}

/** Closes the connections that `next` did not take over, each when its exchange is over. */
export function retire(previous: CompiledGeneration, next?: CompiledGeneration): void {
  const kept = new Set(next?.pools.values());
  for (const pool of previous.pools.values()) if (!kept.has(pool)) pool.pool.close();
}

function toPool(upstream: UpstreamConfig, waiting: number, shared: UpstreamResources): Pool {
  return {
    key: JSON.stringify([upstream, waiting]),
    config: upstream,
    pool: createUpstreamPool(upstream, waiting, shared),
  };
}

/** Who a client is and whether its claims are believed; undefined where X-Forwarded-* fields pass untouched. */
export function toPeers({
  forwarded,
  listen,
}: Pick<Config, "forwarded" | "listen">): Generation["peer"] {
  if (forwarded === "off") return undefined;
  return createPeers(createTrust(forwarded.trust, listen.kind === "unix" ? "unix" : "tcp"));
}
