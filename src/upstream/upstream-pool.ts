/** The pool of a configured upstream, put together from its parts. */

import type { UpstreamConfig } from "../config/schema.ts";
import { type BatchWrites, createBatchWrites } from "./batch-writes.ts";
import { createConnect } from "./connect.ts";
import { createConnection } from "./connection.ts";
import { type GcPressure, createGcPressure } from "./gc-pressure.ts";
import { type OwnSockets, createOwnSockets } from "./own-sockets.ts";
import { type ConnectionPool, createConnectionPool } from "./pool.ts";
import { createReadMemory } from "./read-memory.ts";
import { createResolver } from "./resolver.ts";
import type { Connect } from "./socket.ts";

/** What the upstreams of one process share. */
export interface UpstreamResources {
  readonly onBytes: GcPressure;
  readonly batchWrites: BatchWrites;
  /** All connections that are open. */
  readonly ownSockets: OwnSockets;
  connectTo(upstream: UpstreamConfig): Connect;
}

/** Creates what the upstreams of one process share; `collectGarbage` does a minor collection. */
export function createUpstreamResources(collectGarbage: () => void): UpstreamResources {
  const ownSockets = createOwnSockets();
  const shared = { ownSockets, readMemory: createReadMemory(), resolver: createResolver() };
  return {
    onBytes: createGcPressure(collectGarbage),
    batchWrites: createBatchWrites(),
    ownSockets,
    connectTo: (upstream) => createConnect(upstream, shared),
  };
}

/** Creates the pool of one upstream, for which at most `waiting` requests may queue. */
export function createUpstreamPool(
  upstream: UpstreamConfig,
  waiting: number,
  { onBytes, batchWrites, connectTo }: UpstreamResources,
): ConnectionPool {
  const { keepAlive: keepAliveMs, maxAge: maxAgeMs } = upstream;
  const options = { connect: connectTo(upstream), keepAliveMs, maxAgeMs, onBytes, batchWrites };
  return createConnectionPool(
    { connections: upstream.maxConnections, waiting },
    (events) => createConnection(options, events),
    onBytes,
  );
}
