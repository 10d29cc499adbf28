/** Remembers for a while which targets failed in one way: those that refuse HEAD (mode auto), or those that a probe does not help. */

import type { RouteConfig } from "../config/types.ts";
import type { TargetUri } from "../http/request.ts";
import { normaliseHost } from "../http/routing/router.ts";

/** A cache of targets. Its key is the route, the host and, for a route with a prefix, the path. */
export interface NegativeCache {
  /**
   * Returns whether the target is in the cache.
   *
   * If its entry is older than `remember`, one caller gets false and tries the upstream again; other callers still get true. If nothing is
   * recorded yet, one caller gets false and starts a trial; other callers get a promise that resolves within a second, after which they
   * call `has` again. A caller that gets false must report the result by one of the methods below. `caller` is any object of its own.
   */
  has(route: RouteConfig, target: TargetUri, caller: object): boolean | Promise<void>;
  /** The trial failed as described: adds the target. */
  add(route: RouteConfig, target: TargetUri): void;
  /** The trial succeeded: removes the target. */
  delete(route: RouteConfig, target: TargetUri): void;
  /** The response proves neither: keeps the entry, if any, and ends the trial. Later callers do not wait. */
  keep(route: RouteConfig, target: TargetUri): void;
  /** There was no response: ends the trial, if this caller started it, and the next caller starts another one. */
  endTrial(route: RouteConfig, target: TargetUri, caller: object): void;
}

/** One request that tries the upstream while others wait for its result. */
interface Trial {
  /** Its request may still run when the trial has ended and another caller has started the next one. */
  readonly caller: object;
  /** Returns a promise that resolves at the end of the trial or after `TRIAL_MS`; undefined if that time is over. */
  wait(nowMs: number): Promise<void> | undefined;
  end(): void;
}

/** The entries of one route, by host and path. */
interface RouteEntries {
  /** The targets in the cache, and until when, in milliseconds. */
  readonly cached: Map<string, number>;
  /** Targets that had a response but are not in the cache: no caller waits for them. */
  readonly settled: Map<string, undefined>;
  readonly trials: Map<string, Trial>;
}

// A request that tries an expired entry again may never get a response. After this time the next request tries.
const REVALIDATION_MS = 10_000;

// A slow upstream may take longer. Each request that then stops waiting costs at most one more upstream request.
const TRIAL_MS = 1_000;

// A path may be as long as a header section. With these limits one route takes less than a MiB.
const MAX_KEY_LENGTH = 512;
const MAX_PATHS = 1_024;

/** A cache that is always empty. */
export const NO_CACHE: NegativeCache = {
  has: () => false,
  add() {},
  delete() {},
  keep() {},
  endTrial() {},
};

/** Creates a cache of at most `maxPaths` hosts or paths per route (LRU); `now` is the monotonic clock in milliseconds. */
export function createNegativeCache(now: () => number, maxPaths = MAX_PATHS): NegativeCache {
  // Weak: the cache outlives a configuration, and a route that a reload replaced is never looked up again.
  const routes = new WeakMap<RouteConfig, RouteEntries>();

  return {
    has(route, target, caller) {
      const key = toKey(route, target);
      if (key.length > MAX_KEY_LENGTH) return false;
      const { cached, settled, trials } = toEntries(route);
      const untilMs = cached.get(key);
      if (untilMs !== undefined) {
        const isFresh = now() < untilMs;
        put(
          cached,
          key,
          isFresh ? untilMs : now() + Math.min(REVALIDATION_MS, route.head.remember),
        );
        return isFresh;
      }
      if (settled.has(key)) return false;
      const trial = trials.get(key);
      if (trial !== undefined) return trial.wait(now()) ?? false;
      trials.set(key, createTrial(caller, now()));
      return false;
    },
    add(route, target) {
      const key = toKey(route, target);
      const { cached, settled } = endAnyTrial(route, key);
      settled.delete(key);
      putWithin(cached, key, now() + route.head.remember);
    },
    delete(route, target) {
      const key = toKey(route, target);
      const { cached, settled } = endAnyTrial(route, key);
      cached.delete(key);
      putWithin(settled, key, undefined);
    },
    keep(route, target) {
      const key = toKey(route, target);
      const { cached, settled } = endAnyTrial(route, key);
      if (!cached.has(key)) putWithin(settled, key, undefined);
    },
    endTrial(route, target, caller) {
      const key = toKey(route, target);
      if (toEntries(route).trials.get(key)?.caller === caller) endAnyTrial(route, key);
    },
  };

  function toEntries(route: RouteConfig): RouteEntries {
    let entries = routes.get(route);
    if (entries === undefined) routes.set(route, (entries = createEntries()));
    return entries;
  }

  /** Ends the trial of a target, also that of another caller. Returns the entries of the route. */
  function endAnyTrial(route: RouteConfig, key: string): RouteEntries {
    const entries = toEntries(route);
    entries.trials.get(key)?.end();
    entries.trials.delete(key);
    return entries;
  }

  function putWithin<Value>(all: Map<string, Value>, key: string, value: Value): void {
    if (key.length > MAX_KEY_LENGTH) return;
    put(all, key, value);
    const [oldest] = all.size > maxPaths ? all.keys() : [];
    if (oldest !== undefined) all.delete(oldest);
  }
}

// A Map keeps insertion order, so the entry used last is at the end.
function put<Value>(all: Map<string, Value>, key: string, value: Value): void {
  all.delete(key);
  all.set(key, value);
}

function createEntries(): RouteEntries {
  return { cached: new Map(), settled: new Map(), trials: new Map() };
}

function createTrial(caller: object, startedMs: number): Trial {
  let over: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let end: (() => void) | undefined;
  return {
    caller,
    wait(nowMs) {
      const leftMs = startedMs + TRIAL_MS - nowMs;
      if (leftMs <= 0) return undefined;
      // Usually no request waits, so the promise and the timer are created only when one does.
      over ??= new Promise((resolve) => {
        end = resolve;
        timer = setTimeout(resolve, leftMs).unref();
      });
      return over;
    },
    end() {
      clearTimeout(timer);
      end?.();
    },
  };
}

/**
 * Returns the key of a target within its route. An exact route, or one with `{param}`, is one handler of the backend; a prefix may have
 * many handlers. The path is taken as received, without the query, because only the backend knows whether two spellings are equal. A
 * route for all hosts may have one application per host.
 */
function toKey({ host: only, path: pattern }: RouteConfig, { host, path }: TargetUri): string {
  const isOneHost = host === undefined || (only !== undefined && !only.startsWith("*."));
  const name = isOneHost ? "" : normaliseHost(host);
  if (!pattern.endsWith("/*")) return name;
  const query = path.indexOf("?");
  return `${name}${query === -1 ? path : path.slice(0, query)}`; // unambiguous: a host contains no slash
}
