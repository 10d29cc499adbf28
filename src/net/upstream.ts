/** Connections to one backend: taken, waited for, given back, and the one safe retry. */

import { ProxyError } from "../http/errors.ts";
import type { Connection, ConnectionEvents } from "./connection.ts";
import type { Pressure } from "./pressure.ts";
import {
  type Call,
  type Pool,
  type Pooled,
  type UpstreamRequest,
  createCall,
} from "./upstream/call.ts";

/** One backend. */
export interface Upstream {
  send(request: UpstreamRequest): Call;
  /** Open connections by state, for the metrics. */
  connections(): { readonly idle: number; readonly active: number };
  /** Closes idle connections, and the others when their exchange is over. */
  close(): void;
}

/** How many connections may be open and how many requests may wait for one. */
export interface UpstreamLimits {
  readonly connections: number;
  readonly waiting: number;
}

/**
 * Creates the pool of one backend. The connection used last is taken first, so that the pool shrinks to what is needed.
 *
 * A request that finds all connections busy waits; one that finds the queue full fails at once (RFC 9209
 * `connection_limit_reached`), because a queue without bound only moves the failure to memory.
 */
export function createUpstream(
  limits: UpstreamLimits,
  open: (events: ConnectionEvents) => Connection,
  onBytes: Pressure,
): Upstream {
  const idle: Connection[] = [];
  /** Each with the timer of its patience. */
  const waiting = new Map<Pooled, NodeJS.Timeout>();
  const all = new Set<Connection>();
  let sweeper: NodeJS.Timeout | undefined;
  let isClosed = false;

  const events: ConnectionEvents = {
    onIdle(connection) {
      const next = takeNext();
      if (next !== undefined) return sendOn(connection, next);
      if (isClosed) return connection.close();
      idle.push(connection);
      sweeper ??= sweepAt(connection.expiresMs);
    },
    onClosed(connection) {
      all.delete(connection);
      const index = idle.lastIndexOf(connection);
      if (index !== -1) idle.splice(index, 1);
      const next = takeNext();
      if (next !== undefined) sendFresh(next);
    },
  };

  const pool: Pool = {
    send: startFresh,
    forget,
    onBytes,
  };

  return {
    send(request) {
      const { call, pooled } = createCall(request, pool);
      const connection = idle.pop();
      if (connection === undefined) startFresh(pooled);
      else sendOn(connection, pooled);
      return call;
    },
    connections: () => ({ idle: idle.length, active: all.size - idle.length }),
    close() {
      isClosed = true;
      clearTimeout(sweeper);
      for (const connection of idle.splice(0)) connection.close();
    },
  };

  function startFresh(pooled: Pooled): void {
    if (all.size < limits.connections) return sendFresh(pooled);
    if (waiting.size < limits.waiting) return wait(pooled);
    pooled.onError(new ProxyError("connection_limit_reached"), false);
  }

  // As long as for an answer: where event streams hold every connection, the queue would never move.
  function wait(pooled: Pooled): void {
    const timer = setTimeout(() => {
      waiting.delete(pooled);
      pooled.onError(new ProxyError("connection_limit_reached"), false);
    }, pooled.request.responseMs);
    waiting.set(pooled, timer.unref());
  }

  function takeNext(): Pooled | undefined {
    const [next] = waiting.keys();
    if (next !== undefined) forget(next);
    return next;
  }

  function forget(pooled: Pooled): void {
    clearTimeout(waiting.get(pooled));
    waiting.delete(pooled);
  }

  function sendFresh(pooled: Pooled): void {
    const connection = open(events);
    all.add(connection);
    sendOn(connection, pooled);
  }

  // One timer for all that rest, because nearly all of them are taken again before their time.
  function sweepAt(expiresMs: number): NodeJS.Timeout {
    return setTimeout(sweep, Math.max(1, Math.ceil(expiresMs - performance.now()))).unref();
  }

  function sweep(): void {
    const nowMs = performance.now();
    for (const connection of idle.filter(({ expiresMs }) => expiresMs <= nowMs)) connection.close();
    const earliestMs = Math.min(...idle.map(({ expiresMs }) => expiresMs));
    sweeper = idle.length === 0 ? undefined : sweepAt(earliestMs);
  }
}

function sendOn(connection: Connection, pooled: Pooled): void {
  pooled.connection = connection;
  connection.send(pooled);
}
