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
import { type CountUnacknowledged, createUnacknowledged } from "../runtime/unacknowledged.ts";

/** What the upstreams of one process share. */
export interface UpstreamResources {
  readonly onBytes: GcPressure;
  readonly batchWrites: BatchWrites;
  /** All connections that are open. */
  readonly ownSockets: OwnSockets;
  readonly countUnacknowledged: CountUnacknowledged;
  connectTo(upstream: UpstreamConfig): Connect;
  /** Ends the lookups that are in flight, so that the process can end. */
  close(): void;
}

/** What the process gives to its upstreams. */
export interface UpstreamPlatform {
  /** Does a minor garbage collection. */
  collectGarbage(): void;
  /** The text of a file of the system; empty where there is none. */
  readSystemFile(path: string): string;
}

/** Creates what the upstreams of one process share. */
export function createUpstreamResources({
  collectGarbage,
  readSystemFile,
}: UpstreamPlatform): UpstreamResources {
  const ownSockets = createOwnSockets();
  const resolver = createResolver(readSystemFile);
  const readMemory = createReadMemory();
  const countUnacknowledged = createUnacknowledged(readSystemFile);
  const shared = { ownSockets, readMemory, resolver, countUnacknowledged };
  return {
    onBytes: createGcPressure(collectGarbage),
    batchWrites: createBatchWrites(),
    ownSockets,
    countUnacknowledged,
    connectTo: (upstream) => createConnect(upstream, shared),
    close: resolver.close,
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
