/** The pool of connections to one upstream: requests take them, wait for them and give them back. */

import { ProxyError } from "../http/errors.ts";
import { PendingRequest, type Queue, type UpstreamCall, type UpstreamRequest } from "./call.ts";
import type { ConnectionEvents, ConnectionOwner, UpstreamConnection } from "./connection.ts";
import type { GcPressure } from "./gc-pressure.ts";

/** The connections to one upstream. */
export interface ConnectionPool {
  /** Sends a request, at once or when a connection is free. */
  send(request: UpstreamRequest): UpstreamCall;
  /** Whether the upstream spoke HTTP/1.0 when it responded last. */
  speaksHttp10(): boolean;
  /** Open connections by state, for the metrics. */
  connections(): { readonly idle: number; readonly active: number };
  /** Closes idle connections, and the others when their exchange is over. */
  close(): void;
}

/** How many connections may be open and how many requests may wait for one. */
export interface PoolLimits {
  readonly connections: number;
  readonly waiting: number;
}

/**
 * Creates the pool of one upstream. The connection used last is taken first, so that connections that are not needed expire.
 *
 * If all connections are busy, a request waits. If the queue is full, it fails at once (RFC 9209 `connection_limit_reached`), because
 * an unbounded queue would only move the failure to memory.
 */
// oxlint-disable-next-line max-lines-per-function -- one state, and the functions that change it
export function createConnectionPool(
  limits: PoolLimits,
  open: (events: ConnectionEvents) => UpstreamConnection,
  onBytes: GcPressure,
): ConnectionPool {
  const idle: UpstreamConnection[] = [];
  /** Idle connections that carry a login, by the client connection that they belong to. */
  const owned = new Map<ConnectionOwner, UpstreamConnection>();
  /** Client connections whose close is listened for. */
  const known = new WeakSet<ConnectionOwner>();
  /** Requests that wait, in order, each with the timer that ends its wait. */
  const waiting = new Map<PendingRequest, NodeJS.Timeout>();
  const all = new Set<UpstreamConnection>();
  let sweeper: NodeJS.Timeout | undefined;
  let sweepsAtMs = Infinity;
  let isHttp10 = false;
  let isClosed = false;

  const events: ConnectionEvents = {
    onVersion: (version) => void (isHttp10 = version === "1.0"),
    onIdle(connection) {
      if (connection.owner !== undefined) return keepFor(connection.owner, connection);
      const next = takeNext();
      if (next !== undefined) return sendOn(connection, next);
      if (isClosed) return connection.close();
      idle.push(connection);
      sweepAt(connection.expiresMs);
    },
    onClosed(connection, retry) {
      all.delete(connection);
      const index = idle.lastIndexOf(connection);
      if (index !== -1) idle.splice(index, 1);
      if (connection.owner !== undefined && owned.get(connection.owner) === connection)
        owned.delete(connection.owner);
      // A retry takes the place of its dead connection. At the end of the queue it could get another used connection.
      const next = (retry as PendingRequest | undefined) ?? takeNext();
      if (next !== undefined) sendFresh(next);
    },
  };

  const queue: Queue = { forget, onBytes };

  return {
    send(request) {
      const pending = new PendingRequest(request, queue);
      const connection = take(request.owner);
      if (connection === undefined) startFresh(pending);
      else sendOn(connection, pending);
      return pending;
    },
    speaksHttp10: () => isHttp10,
    connections() {
      const count = idle.length + owned.size;
      return { idle: count, active: all.size - count };
    },
    close() {
      isClosed = true;
      clearTimeout(sweeper);
      for (const connection of [...idle, ...owned.values()]) connection.close();
    },
  };

  /** Takes an idle connection that has not expired. The sweeper may be late, so the time is checked here too. */
  function take(owner: ConnectionOwner | undefined): UpstreamConnection | undefined {
    const nowMs = performance.now();
    if (owner !== undefined && owned.size > 0) {
      const own = owned.get(owner);
      owned.delete(owner);
      if (own !== undefined && own.expiresMs > nowMs) return own;
      own?.close();
    }
    for (let next = idle.pop(); next !== undefined; next = idle.pop()) {
      if (next.expiresMs > nowMs) return next;
      next.close();
    }
    return undefined;
  }

  function startFresh(pending: PendingRequest): void {
    if (all.size >= limits.connections) giveWay();
    if (all.size < limits.connections) return sendFresh(pending);
    if (waiting.size < limits.waiting) return wait(pending);
    pending.onError(new ProxyError("connection_limit_reached"));
  }

  /** Closes the oldest idle connection that is reserved for one client, to make room for others. */
  function giveWay(): void {
    const [oldest] = owned.values();
    oldest?.close();
  }

  function keepFor(owner: ConnectionOwner, connection: UpstreamConnection): void {
    if (isClosed || owner.isClosed() || waiting.size > 0) return connection.close();
    owned.get(owner)?.close();
    owned.set(owner, connection);
    sweepAt(connection.expiresMs);
    if (known.has(owner)) return;
    known.add(owner);
    owner.onClosed(() => owned.get(owner)?.close());
  }

  // The wait ends after `responseMs`: if event streams hold every connection, the queue never moves.
  function wait(pending: PendingRequest): void {
    const timer = setTimeout(() => {
      waiting.delete(pending);
      pending.onError(new ProxyError("connection_limit_reached"));
    }, pending.request.responseMs);
    waiting.set(pending, timer.unref());
  }

  function takeNext(): PendingRequest | undefined {
    const [next] = waiting.keys();
    if (next !== undefined) forget(next);
    return next;
  }

  function forget(pending: PendingRequest): void {
    clearTimeout(waiting.get(pending));
    waiting.delete(pending);
  }

  function sendFresh(pending: PendingRequest): void {
    const connection = open(events);
    all.add(connection);
    sendOn(connection, pending);
  }

  // One timer for all idle connections, because most are used again before they expire.
  function sweepAt(expiresMs: number): void {
    if (expiresMs >= sweepsAtMs) return;
    clearTimeout(sweeper);
    sweepsAtMs = expiresMs;
    sweeper = setTimeout(sweep, Math.max(1, Math.ceil(expiresMs - performance.now()))).unref();
  }

  function sweep(): void {
    sweepsAtMs = Infinity;
    const nowMs = performance.now();
    for (const connection of [...idle, ...owned.values()]) {
      if (connection.expiresMs <= nowMs) connection.close();
      else sweepAt(connection.expiresMs);
    }
  }
}

function sendOn(connection: UpstreamConnection, pending: PendingRequest): void {
  pending.connection = connection;
  connection.send(pending);
}
