/** What one configuration compiles to, and what the next snapshot takes over from the previous one. */

import type { Config, RouteConfig, UpstreamConfig } from "./config/types.ts";
import { createDrain } from "./head/drain.ts";
import { createHeadLimits } from "./head/limits.ts";
import { createNegativeCache } from "./head/negative-cache.ts";
import { createResponseSharing } from "./head/share/share.ts";
import { createPeers, createTrust } from "./http/forwarded.ts";
import { createRouter } from "./http/routing/router.ts";
import type { ProxySnapshot } from "./proxy/context.ts";
import {
  type UpstreamPool,
  type UpstreamResources,
  createUpstreamPool,
} from "./upstream/upstream-pool.ts";

/** An upstream and its connections. `key` holds everything that the connections depend on. */
export interface CompiledUpstream {
  readonly key: string;
  readonly config: UpstreamConfig;
  readonly pool: UpstreamPool;
}

/** A configuration in use: what the handler uses of it, and what the next snapshot may take over. */
export interface Snapshot extends ProxySnapshot {
  readonly config: Config;
  /** By name. */
  readonly upstreams: ReadonlyMap<string, CompiledUpstream>;
}

/**
 * Compiles a configuration. What did not change is taken over from `previous`: the connections to an upstream, what headgate has learned
 * about a route, the counts of its limits, and, if nothing changed at all, the shared responses.
 */
export function compile(parsed: Config, shared: UpstreamResources, previous?: Snapshot): Snapshot {
  const config = previous === undefined ? parsed : keepRoutes(parsed, previous.config);
  const previousUpstreams = new Map(
    [...(previous?.upstreams.values() ?? [])].map((upstream) => [upstream.key, upstream]),
  );
  const upstreams = new Map<string, CompiledUpstream>();
  for (const upstream of config.upstreams.values()) {
    const key = JSON.stringify([upstream, config.limits.waiting]);
    const compiled =
      previousUpstreams.get(key) ?? compileUpstream(key, upstream, config.limits.waiting, shared);
    upstreams.set(upstream.name, compiled);
  }
  return {
    config,
    upstreams,
    match: createRouter(config.routes, config.defaultRoute).match,
    upstream(name) {
      const upstream = upstreams.get(name);
      if (upstream === undefined) throw new Error(`no upstream is named ${name}`); // the schema has checked every route
      return upstream;
    },
    toPeer: toPeers(config),
    requestId: config.requestId,
    maxFields: config.limits.headerCount,
    batchWrites: shared.batchWrites,
    ...toHeadState(config, previous),
    upgradeLimits: {
      upgradeMs: config.timeouts.upgrade,
      idleMs: config.timeouts.tunnelIdle,
      max: config.limits.tunnels === 0 ? Infinity : config.limits.tunnels,
    },
  };
}

function now(): number {
  return performance.now();
}

/** What headgate has learned about HEADs, and their counts. */
type HeadState = Pick<ProxySnapshot, "drain" | "needsGet" | "refusesRange" | "limits" | "sharing">;

function toHeadState(config: Config, previous: Snapshot | undefined): HeadState {
  const { draining } = config.limits;
  const fresh: HeadState = {
    drain: createDrain(draining),
    needsGet: createNegativeCache(now),
    refusesRange: createNegativeCache(now),
    limits: createHeadLimits(now),
    sharing: createResponseSharing(now),
  };
  if (previous === undefined) return fresh;
  return {
    drain: previous.config.limits.draining === draining ? previous.drain : fresh.drain,
    needsGet: previous.needsGet,
    refusesRange: previous.refusesRange,
    limits: previous.limits,
    sharing: toText(previous.config) === toText(config) ? previous.sharing : fresh.sharing,
  };
}

/**
 * Returns the configuration with the route objects of `previous` for all routes that did not change, together with their upstreams.
 * Caches and limits use the object as their key, so a changed route starts without entries.
 */
function keepRoutes(config: Config, previous: Config): Config {
  const previousRoutes = new Map(
    [...previous.routes, previous.defaultRoute].map((route) => [toKey(route, previous), route]),
  );
  const keep = (route: RouteConfig): RouteConfig =>
    previousRoutes.get(toKey(route, config)) ?? route;
  return {
    ...config,
    routes: config.routes.map(keep),
    defaultRoute: keep(config.defaultRoute),
  };
}

function toKey(route: RouteConfig, { upstreams }: Config): string {
  return JSON.stringify([route, upstreams.get(route.upstream)]);
}

/** The whole configuration as a text. A shared response depends on more than its route: also on `forwarded` and on the upstream. */
function toText(config: Config): string {
  return JSON.stringify([config, [...config.upstreams]]);
}

/** Closes the connections that `next` did not take over, each at the end of its exchange. */
export function closeSnapshot(previous: Snapshot, next?: Snapshot): void {
  const reused = new Set(next?.upstreams.values());
  for (const upstream of previous.upstreams.values())
    if (!reused.has(upstream)) upstream.pool.close();
}

function compileUpstream(
  key: string,
  config: UpstreamConfig,
  waiting: number,
  shared: UpstreamResources,
): CompiledUpstream {
  return { key, config, pool: createUpstreamPool(config, waiting, shared) };
}

/** Returns the function that finds a client's address and whether it is trusted; undefined if X-Forwarded-* fields pass unchanged. */
export function toPeers({ forwarded }: Pick<Config, "forwarded">): ProxySnapshot["toPeer"] {
  return forwarded === "off" ? undefined : createPeers(createTrust(forwarded.trust));
}
