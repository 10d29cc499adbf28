/** How many connections may be served at one time, and who of them is. */

import type { ProxyError } from "../http/errors.ts";

/** What becomes of a connection that finds every place taken. */
export type WhenFull =
  /** It is heard, and its first request answered that there is no place, unless one has become free by then. */
  | "refuse"
  /**
   * An older one gives way to it, the oldest that is idle, or the oldest of all: nobody can lock others out by holding connections,
   * not even by leaving responses unread.
   */
  | "replace";

/** A connection that may have a place. */
export interface LimitedConnection {
  isAdmitted: boolean;
  isBusy(): boolean;
  /** Ends it at once; `error` is what its exchange then says of itself. */
  destroy(error?: ProxyError): void;
}

/** All connections of one server. */
export interface ConnectionLimiter<One extends LimitedConnection> {
  add(one: One): void;
  remove(one: One): void;
  /** Gives it a place where there is one, or says that there is none. */
  admit(one: One): boolean;
  all(): Iterable<One>;
  size(): number;
  /** How many places there are; 0 = no limit. */
  limit(max: number): void;
}

/** Creates the register; there is no limit yet. */
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
    limiter.remove(leaving); // its `close` comes too late for whoever is to have the place
  }

  // The younger half is not asked whether it is idle: a connection is, until its first request comes. Where all others are busy, a
  // probe would give way to the next connection of those who flood the port.
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
