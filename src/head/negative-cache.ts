/** What was learnt about how routes want to be asked, for a while. One memory answers one yes-or-no question. */

import type { RouteConfig } from "../config/schema/file.ts";
import { normaliseHost } from "../http/routing/router.ts";

/** Whom a request is for. */
export interface CacheTarget {
  readonly host: string | undefined;
  /** With the query. */
  readonly path: string;
}

/** Says yes only for what was learnt of that very route and host and, below a prefix, of that very path. */
export interface NegativeCache {
  /**
   * Whether it was learnt. Once that is older than `remember`, one caller hears no, so that it asks the upstream again, while
   * the others go on with what is known. Where nothing is known yet one caller hears no, and the others get a promise: when it
   * resolves, which it does within a second, they may look again. Who hears no tells what came of it, by one of the others.
   */
  has(route: RouteConfig, target: CacheTarget): boolean | Promise<void>;
  add(route: RouteConfig, target: CacheTarget): void;
  /** It is not so, whatever was learnt. */
  delete(route: RouteConfig, target: CacheTarget): void;
  /** The upstream has answered, and that says nothing against what was learnt. */
  keep(route: RouteConfig, target: CacheTarget): void;
  /** The upstream has not answered. */
  endTrial(route: RouteConfig, target: CacheTarget): void;
}

/** One who finds out, for those who wait. */
interface Trial {
  /** Until it is over, or has taken too long; undefined: it has. */
  wait(nowMs: number): Promise<void> | undefined;
  end(): void;
}

/** What is known of one route. */
interface Known {
  /** What was learnt, and until when. */
  readonly learnt: Map<string, number>;
  /** What is not so, or not known to be: nobody has to wait for that. */
  readonly answered: Map<string, undefined>;
  readonly trials: Map<string, Trial>;
}

// Whoever asks again may fail or never come back with an answer; after this long the next one does.
const ASKING_MS = 10_000;

// A slow upstream may take longer; each request that does not wait for it costs at most one request more.
const TRIAL_MS = 1_000;

// A path may be as long as a header section: the memory of one route stays below a MiB.
const MAX_KEY_LENGTH = 512;
const MAX_PATHS = 1_024;

/** Remembers nothing. */
export const NO_CACHE: NegativeCache = {
  has: () => false,
  add() {},
  delete() {},
  keep() {},
  endTrial() {},
};

/** Creates a memory. It holds `mostPaths` hosts or paths of each route, the least recently used go first; `now` is in ms. */
export function createNegativeCache(now: () => number, maxPaths = MAX_PATHS): NegativeCache {
  // Weak: a memory outlasts the configuration, and a route that a reload has replaced is not asked for again.
  const routes = new WeakMap<RouteConfig, Known>();

  return {
    has(route, target) {
      const key = toKey(route, target);
      if (key.length > MAX_KEY_LENGTH) return false;
      const { learnt, answered, trials } = toKnown(route);
      const untilMs = learnt.get(key);
      if (untilMs !== undefined) {
        const isFresh = now() < untilMs;
        put(learnt, key, isFresh ? untilMs : now() + Math.min(ASKING_MS, route.head.remember));
        return isFresh;
      }
      if (answered.has(key)) return false;
      const trial = trials.get(key);
      if (trial !== undefined) return trial.wait(now()) ?? false;
      trials.set(key, createTrial(now()));
      return false;
    },
    add(route, target) {
      const { learnt, answered, key } = end(route, target);
      answered.delete(key);
      putWithin(learnt, key, now() + route.head.remember);
    },
    delete(route, target) {
      const { learnt, answered, key } = end(route, target);
      learnt.delete(key);
      putWithin(answered, key, undefined);
    },
    keep(route, target) {
      const { learnt, answered, key } = end(route, target);
      if (!learnt.has(key)) putWithin(answered, key, undefined);
    },
    endTrial: (route, target) => void end(route, target),
  };

  function toKnown(route: RouteConfig): Known {
    let known = routes.get(route);
    if (known === undefined) routes.set(route, (known = createKnown()));
    return known;
  }

  function end(route: RouteConfig, target: CacheTarget): Known & { readonly key: string } {
    const key = toKey(route, target);
    const known = toKnown(route);
    known.trials.get(key)?.end();
    known.trials.delete(key);
    return { ...known, key };
  }

  function putWithin<Value>(all: Map<string, Value>, key: string, value: Value): void {
    if (key.length > MAX_KEY_LENGTH) return;
    put(all, key, value);
    const [oldest] = all.size > maxPaths ? all.keys() : [];
    if (oldest !== undefined) all.delete(oldest);
  }
}

// A Map keeps the order of insertion: what was used last stands last.
function put<Value>(all: Map<string, Value>, key: string, value: Value): void {
  all.delete(key);
  all.set(key, value);
}

function createKnown(): Known {
  return { learnt: new Map(), answered: new Map(), trials: new Map() };
}

function createTrial(startedMs: number): Trial {
  let over: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let end: (() => void) | undefined;
  return {
    wait(nowMs) {
      const leftMs = startedMs + TRIAL_MS - nowMs;
      if (leftMs <= 0) return undefined;
      // Mostly nobody waits: the others cost a promise and a timer.
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
 * An exact route and one with `{param}` are one handler in the backend; below a prefix there may be many. The path is the one
 * received, without its query: what two spellings of it mean is the backend's affair. Behind a route for all hosts there may be
 * an application for each.
 */
function toKey({ host: only, path: pattern }: RouteConfig, { host, path }: CacheTarget): string {
  const isOneHost = host === undefined || (only !== undefined && !only.startsWith("*."));
  const name = isOneHost ? "" : normaliseHost(host);
  if (!pattern.endsWith("/*")) return name;
  const query = path.indexOf("?");
  return `${name}${query === -1 ? path : path.slice(0, query)}`; // no host holds a slash
}
