/** The pool of a configured upstream, put together from its parts. */

import type { UpstreamConfig } from "../config/types.ts";
import type { ProxyError } from "../http/errors.ts";
import { type AddressBook, type AddressStatus, createAddressBook } from "./address-book.ts";
import { type BatchWrites, createBatchWrites } from "../runtime/batch-writes.ts";
import { createConnect } from "./connect.ts";
import { createUpstreamConnection } from "./upstream-connection.ts";
import { type GcPressure, createGcPressure } from "../runtime/gc-pressure.ts";
import { type OwnSockets, createOwnSockets } from "./own-sockets.ts";
import { type ConnectionPool, createConnectionPool } from "./pool.ts";
import { createReadMemory } from "./read-memory.ts";
import { createResolver } from "./resolver.ts";
import type { Connect } from "./socket.ts";
import { type CountUnacknowledged, createUnacknowledged } from "../runtime/unacknowledged.ts";

/** Resources that all upstreams of one process share. */
export interface UpstreamResources {
  readonly gcPressure: GcPressure;
  readonly batchWrites: BatchWrites;
  /** All open connections to upstreams. */
  readonly ownSockets: OwnSockets;
  readonly countUnacknowledged: CountUnacknowledged;
  /** Creates the function that opens connections to an upstream; `book` records its addresses. */
  connectTo(upstream: UpstreamConfig, book?: AddressBook): Connect;
  /** Keeps the pool in mind for `abandon`, until it is over. */
  add(pool: ConnectionPool): void;
  /** Ends every request to every upstream with this error, also to upstreams that a reload has removed. */
  abandon(error: ProxyError): void;
  /** Rejects all lookups, so that the process can end. */
  close(): void;
}

/** What the upstreams need from the process. */
export interface UpstreamPlatform {
  /** Runs a minor garbage collection. */
  collectGarbage(): void;
  /** Returns the text of a system file, or an empty text if there is none. */
  readSystemFile(path: string): string;
}

/** Creates the resources that all upstreams of one process share. */
export function createUpstreamResources({
  collectGarbage,
  readSystemFile,
}: UpstreamPlatform): UpstreamResources {
  const ownSockets = createOwnSockets();
  const resolver = createResolver(readSystemFile);
  const readMemory = createReadMemory();
  const countUnacknowledged = createUnacknowledged(readSystemFile);
  const shared = { ownSockets, readMemory, resolver, countUnacknowledged };
  const pools = new Set<ConnectionPool>();
  return {
    gcPressure: createGcPressure(collectGarbage),
    batchWrites: createBatchWrites(),
    ownSockets,
    countUnacknowledged,
    connectTo: (upstream, book) => createConnect(upstream, shared, book),
    add(pool) {
      for (const other of pools) if (other.isOver()) pools.delete(other);
      pools.add(pool);
    },
    abandon(error) {
      for (const pool of pools) pool.abandon(error);
    },
    close: resolver.close,
  };
}

/** The pool of a configured upstream, and the addresses that it connects to. */
export interface UpstreamPool extends ConnectionPool {
  addresses(): readonly AddressStatus[];
}

/** Creates the pool of one upstream. At most `waiting` requests may wait for a connection. */
export function createUpstreamPool(
  upstream: UpstreamConfig,
  waiting: number,
  resources: UpstreamResources,
): UpstreamPool {
  const { gcPressure, batchWrites } = resources;
  const book = createAddressBook(() => performance.now());
  const { keepAlive: keepAliveMs, maxAge: maxAgeMs, headerBytes: maxHeadBytes } = upstream;
  const times = { keepAliveMs, maxAgeMs };
  const connect = resources.connectTo(upstream, book);
  const options = { connect, ...times, maxHeadBytes, gcPressure, batchWrites };
  const pool = createConnectionPool(
    { connections: upstream.maxConnections, waiting },
    (events) => createUpstreamConnection(options, events),
    gcPressure,
  );
  resources.add(pool);
  return { ...pool, addresses: book.list };
}
