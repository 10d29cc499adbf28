/** The pool of connections to one upstream. */

import { ProxyError } from "../http/errors.ts";
import { PendingRequest, type Queue, type UpstreamCall, type UpstreamRequest } from "./call.ts";
import type { ConnectionOwner } from "./connection-request.ts";
import type { ConnectionEvents, UpstreamConnection } from "./upstream-connection.ts";
import type { GcPressure } from "../runtime/gc-pressure.ts";

/** The connections to one upstream. */
export interface ConnectionPool {
  /** Sends a request, at once or when a connection is free. */
  send(request: UpstreamRequest): UpstreamCall;
  /** Whether the upstream spoke HTTP/1.0 when it responded last. */
  speaksHttp10(): boolean;
  /** Open connections by state, for the metrics. */
  connections(): { readonly idle: number; readonly active: number };
  /** Whether a login was seen on this client connection. It may be gone by now. */
  hasLogin(client: ConnectionOwner): boolean;
  /** Closes idle connections, and the others when their exchange is over. */
  close(): void;
  /** Ends every request with this error. Tunnels end by themselves. */
  abandon(error: ProxyError): void;
  /** Whether it was closed and has no connection left. */
  isOver(): boolean;
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
  open: (events: ConnectionEvents<PendingRequest>) => UpstreamConnection<PendingRequest>,
  gcPressure: GcPressure,
): ConnectionPool {
  const idle: UpstreamConnection[] = [];
  /** Connections that carry a login, by the client connection that they belong to. */
  const owned = new Map<ConnectionOwner, UpstreamConnection>();
  /** Those of them that are idle, the oldest first. */
  const ownedIdle = new Set<UpstreamConnection>();
  /** Client connections on which a login was seen. */
  const loggedIn = new WeakSet<ConnectionOwner>();
  /** Requests that wait, in order, each with the timer that ends its wait. */
  const waiting = new Map<PendingRequest, NodeJS.Timeout>();
  const all = new Set<UpstreamConnection>();
  let sweeper: NodeJS.Timeout | undefined;
  let sweepsAtMs = Infinity;
  let isHttp10 = false;
  let isClosed = false;

  const events: ConnectionEvents<PendingRequest> = {
    onVersion: (version) => void (isHttp10 = version === "1.0"),
    onOwned(connection, owner) {
      owned.set(owner, connection);
      if (loggedIn.has(owner)) return;
      loggedIn.add(owner);
      owner.onClosed(() => owned.get(owner)?.abandon(new ProxyError("client_gone")));
    },
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
      ownedIdle.delete(connection);
      const { owner } = connection;
      // A retry takes the place of its dead connection. At the end of the queue it could get another used connection.
      const next = retry ?? takeNextOf(owner) ?? takeNext();
      if (owner !== undefined && owned.get(owner) === connection) owned.delete(owner);
      if (next !== undefined) sendFresh(next);
    },
  };

  const queue: Queue = { forget, gcPressure };

  return {
    send(request) {
      const pending = new PendingRequest(request, queue);
      const { owner } = request;
      const own = owner === undefined || owned.size === 0 ? undefined : owned.get(owner);
      // The client's own connection may be busy: after a HEAD the client has its response while headgate still drains the content. No other
      // connection is logged in, so the request waits for this one, even if the queue is full: at most one request waits for each.
      if (own !== undefined && !ownedIdle.has(own)) wait(pending);
      else start(pending, take(own));
      return pending;
    },
    speaksHttp10: () => isHttp10,
    connections() {
      const count = idle.length + ownedIdle.size;
      return { idle: count, active: all.size - count };
    },
    hasLogin: (client) => loggedIn.has(client),
    abandon(error) {
      for (const pending of waiting.keys()) {
        forget(pending);
        pending.onError(error);
      }
      for (const connection of all) connection.abandon(error);
    },
    isOver: () => isClosed && all.size === 0,
    close() {
      isClosed = true;
      clearTimeout(sweeper);
      for (const connection of [...idle, ...ownedIdle]) connection.close();
    },
  };

  /** Takes the client's own connection, or an idle one that has not expired. The sweeper may be late, so the time is checked here too. */
  function take(own: UpstreamConnection | undefined): UpstreamConnection | undefined {
    const nowMs = performance.now();
    if (own !== undefined) {
      ownedIdle.delete(own);
      if (own.expiresMs > nowMs) return own;
      own.close();
    }
    for (let next = idle.pop(); next !== undefined; next = idle.pop()) {
      if (next.expiresMs > nowMs) return next;
      next.close();
    }
    return undefined;
  }

  function start(pending: PendingRequest, connection: UpstreamConnection | undefined): void {
    if (connection !== undefined) return sendOn(connection, pending);
    if (all.size >= limits.connections) evictOwnedIdle();
    if (all.size < limits.connections) return sendFresh(pending);
    waitInLine(pending);
  }

  function waitInLine(pending: PendingRequest): void {
    if (waiting.size < limits.waiting) return wait(pending);
    pending.onError(new ProxyError("connection_limit_reached"));
  }

  /** Closes the oldest idle connection that is reserved for one client, to make room for others. */
  function evictOwnedIdle(): void {
    const [oldest] = ownedIdle;
    oldest?.close();
  }

  function keepFor(owner: ConnectionOwner, connection: UpstreamConnection): void {
    const next = takeNextOf(owner);
    if (next !== undefined) return sendOn(connection, next);
    if (isClosed || owner.isClosed() || findNext() !== undefined) return connection.close();
    ownedIdle.add(connection);
    sweepAt(connection.expiresMs);
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
    const next = findNext();
    if (next !== undefined) forget(next);
    return next;
  }

  /** Finds the first request that any connection may serve. One whose client has a connection of its own waits for that. */
  function findNext(): PendingRequest | undefined {
    for (const next of waiting.keys())
      if (next.owner === undefined || !owned.has(next.owner)) return next;
    return undefined;
  }

  /** Takes the request that waits for its client's own connection. */
  function takeNextOf(owner: ConnectionOwner | undefined): PendingRequest | undefined {
    if (owner === undefined || waiting.size === 0) return undefined;
    const next = [...waiting.keys()].find((one) => one.owner === owner);
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
    for (const connection of [...idle, ...ownedIdle]) {
      if (connection.expiresMs <= nowMs) connection.close();
      else sweepAt(connection.expiresMs);
    }
  }
}

function sendOn(connection: UpstreamConnection, pending: PendingRequest): void {
  pending.connection = connection;
  connection.send(pending);
}
