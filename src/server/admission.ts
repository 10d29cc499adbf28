/** Limits how many connections are served at one time. */

import { ProxyError } from "../http/errors.ts";

/** What happens to a connection over the limit. */
export type WhenFull =
  /** It is accepted. Its first request gets a 503, unless another connection has ended by then. */
  | "refuse"
  /**
   * An older connection is evicted for it: the oldest idle one, or the oldest of all. So a client cannot lock others out by holding
   * connections, not even with unread responses.
   */
  | "replace";

/** A connection that counts towards the limit once it is admitted. */
export interface LimitedConnection {
  isAdmitted: boolean;
  isBusy(): boolean;
  /** Closes it at once; its exchange ends with `error`. */
  destroy(error?: ProxyError): void;
}

/** All connections of one server. */
export interface ConnectionLimiter<One extends LimitedConnection> {
  /** Adds a connection, and admits it if the limit allows; with `replace`, another one is evicted for it otherwise. */
  add(one: One): void;
  remove(one: One): void;
  /** Admits a connection if the limit allows. Returns whether it is admitted. */
  admit(one: One): boolean;
  all(): Iterable<One>;
  size(): number;
  /** Sets the limit; 0 = no limit. */
  limit(max: number): void;
}

/** Creates the limiter, without a limit. */
export function createConnectionLimiter<One extends LimitedConnection>(
  whenFull: WhenFull,
): ConnectionLimiter<One> {
  const connections = new Set<One>();
  let max = 0;
  let admitted = 0;

  const limiter: ConnectionLimiter<One> = {
    add(one) {
      if (!limiter.admit(one) && whenFull === "replace") {
        evict();
        limiter.admit(one);
      }
      connections.add(one);
    },
    remove(one) {
      if (connections.delete(one) && one.isAdmitted) admitted -= 1;
    },
    admit(one) {
      if (one.isAdmitted) return true;
      if (max > 0 && admitted >= max) return false;
      admitted += 1;
      one.isAdmitted = true;
      return true;
    },
    all: () => connections,
    size: () => connections.size,
    limit(changed) {
      max = changed;
    },
  };
  return limiter;

  function evict(): void {
    const leaving = findReplaceable();
    if (leaving === undefined) return;
    leaving.destroy();
    limiter.remove(leaving); // its `close` event would come too late
  }

  // The younger half is never evicted as idle: a connection is idle until its first request comes. If all others are busy, a flood of
  // connections would otherwise evict the connection of a probe.
  function findReplaceable(): One | undefined {
    const [oldest] = connections;
    let older = connections.size / 2;
    for (const one of connections) {
      if ((older -= 1) < 0) break;
      if (!one.isBusy()) return one;
    }
    return oldest;
  }
}

/** The error of a request on a connection that was not admitted; `max` is the limit. */
export function toTooManyClients(max: number): ProxyError {
  return new ProxyError("too_many_clients", { cause: new Error(`limits.connections is ${max}`) });
}
