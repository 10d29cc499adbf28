/** What was learnt about how routes want to be asked, for a while. One memory answers one yes-or-no question. */

import type { RouteConfig } from "../config/schema.ts";

/** Says yes only for what was learnt of that very route and, below a prefix, of that very path. */
export interface Memory {
  /**
   * Whether it was learnt. Once that is older than `remember`, one caller hears no, so that it asks the upstream again, while
   * the others go on with what is known.
   */
  knows(route: RouteConfig, path: string): boolean;
  learn(route: RouteConfig, path: string): void;
  forget(route: RouteConfig, path: string): void;
}

// Whoever asks again may fail or never come back with an answer; after this long the next one does.
const ASKING_MS = 10_000;

// A path may be as long as a header section: the memory of one route stays below a MiB.
const LONGEST_KEY = 512;
const MOST_PATHS = 1_024;

/** Creates a memory. It holds `mostPaths` paths of each prefix route, the least recently used go first; `now` is in ms. */
export function createMemory(now: () => number, mostPaths = MOST_PATHS): Memory {
  // Weak: a memory outlasts the configuration, and a route that a reload has replaced is not asked for again.
  const routes = new WeakMap<RouteConfig, Map<string, number>>();

  return {
    knows(route, path) {
      const paths = routes.get(route);
      if (paths === undefined) return false;
      const key = toKey(route, path);
      const untilMs = paths.get(key);
      if (untilMs === undefined) return false;
      const isFresh = now() < untilMs;
      put(paths, key, isFresh ? untilMs : now() + Math.min(ASKING_MS, route.head.remember));
      return isFresh;
    },
    learn(route, path) {
      const key = toKey(route, path);
      if (key.length > LONGEST_KEY) return;
      let paths = routes.get(route);
      if (paths === undefined) routes.set(route, (paths = new Map<string, number>()));
      put(paths, key, now() + route.head.remember);
      const [oldest] = paths.size > mostPaths ? paths.keys() : [];
      if (oldest !== undefined) paths.delete(oldest);
    },
    forget(route, path) {
      routes.get(route)?.delete(toKey(route, path));
    },
  };
}

// A Map keeps the order of insertion: what was used last stands last.
function put(paths: Map<string, number>, key: string, untilMs: number): void {
  paths.delete(key);
  paths.set(key, untilMs);
}

/**
 * An exact route and one with `{param}` are one handler in the backend; below a prefix there may be many. The path is the one
 * received, without its query: what two spellings of it mean is the backend's affair.
 */
function toKey({ path: pattern }: RouteConfig, path: string): string {
  if (!pattern.endsWith("/*")) return "";
  const query = path.indexOf("?");
  return query === -1 ? path : path.slice(0, query);
}
