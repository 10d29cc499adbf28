/** The composition root: every part is built here, once, from the configuration. */

import type { Config } from "./config/schema.ts";
import { createDiscard } from "./head/discard.ts";
import { createPeers, createTrust } from "./http/forwarded.ts";
import { createConnection } from "./net/connection.ts";
import { createServer } from "./net/server.ts";
import { type Upstream, createUpstream } from "./net/upstream.ts";
import { type Generation, createProxy } from "./proxy.ts";
import type { Exchange } from "./http/exchange.ts";

export interface App {
  start(): Promise<{ readonly listen: string }>;
  stop(): Promise<void>;
}

export function createApp({ config, observe }: { readonly config: Config; readonly observe: (exchange: Exchange) => void }): App {
  const discard = createDiscard(config.limits.draining);
  const pools = new Map<string, { readonly config: Config["upstreams"] extends ReadonlyMap<string, infer U> ? U : never; readonly pool: Upstream }>();
  for (const [name, upstream] of config.upstreams) {
    const limits = { connections: upstream.maxConnections, waiting: config.limits.waiting };
    pools.set(name, { config: upstream, pool: createUpstream(limits, (events) => createConnection(upstream, events)) });
  }
  const generation: Generation = {
    match: () => config.defaultRoute,
    upstream(name) {
      const found = pools.get(name);
      if (found === undefined) throw new Error(`no upstream ${name}`);
      return found;
    },
    peer: config.forwarded === "off" ? undefined : createPeers(createTrust(config.forwarded.trust)),
    mostFields: config.limits.headerCount,
    discard,
  };
  let count = 0;
  const createId = (): string => `x-${(count += 1).toString(36)}`;
  const proxy = createProxy({ generation: () => generation, createId, observe });
  const server = createServer(
    {
      onRequest: (request, response) => void proxy(request, response),
      isUpgrade: () => false,
      onUpgrade: () => Promise.resolve(),
      createId,
    },
    { headerMs: config.timeouts.header, keepAliveMs: config.timeouts.keepAlive, headerBytes: config.limits.headerBytes },
  );
  return {
    async start() {
      return { listen: await server.listen(config.listen) };
    },
    async stop() {
      server.drain();
      await server.close();
      for (const { pool } of pools.values()) pool.close();
    },
  };
}
