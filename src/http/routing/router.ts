/**
 * Finds the route for a host and a path. The precedence is the Gateway API's: exact host, then wildcard, then any host; within a host an
 * exact path, then a path with `{param}`, then the longest prefix. The order in the file never matters.
 */

import { parsePattern } from "./pattern.ts";
import type { PathPattern } from "./pattern.ts";
import { normalisePath } from "./path.ts";

/** The host and path that a route matches. */
export interface RoutePattern {
  /** A host, or `*.` and a suffix; undefined for any host. */
  readonly host?: string | undefined;
  readonly path: string;
}

/** Finds the route of a request. */
export interface Router<Route> {
  /** Returns the route; there always is one. `host` is the value of Host, `target` the request-target as received. */
  match(host: string | undefined, target: string): Route;
}

/** One segment of the patterns, as a node of a tree: a lookup costs by the path's segments, not by the number of routes. */
interface Segment<Route> {
  readonly literals: Map<string, Segment<Route>>;
  param: Segment<Route> | undefined;
  /** The route whose pattern ends here. */
  full: Route | undefined;
  /** The route whose pattern continues with `/*` here. */
  prefix: Prefix<Route> | undefined;
}

interface Prefix<Route> {
  readonly route: Route;
  /** Length in segments. */
  readonly depth: number;
}

interface PathTable<Route> {
  readonly exact: Map<string, Route>;
  readonly root: Segment<Route>;
}

/** A DNS name has at most 253 characters. A longer name is not looked up label by label, because that would let an attacker cause work. */
const MAX_HOST_LENGTH = 255;

/** Compiles the routes. If two routes match the same requests, which the schema refuses, the first one wins. */
export function createRouter<Route extends RoutePattern>(
  routes: readonly Route[],
  defaultRoute: Route,
): Router<Route> {
  if (routes.length === 0) return { match: () => defaultRoute };

  const exactHosts = new Map<string, PathTable<Route>>();
  const wildcardHosts = new Map<string, PathTable<Route>>();
  const anyHost = createTable<Route>();
  for (const route of routes) addRoute(tableOf(route.host), route);

  function tableOf(host: string | undefined): PathTable<Route> {
    if (host === undefined) return anyHost;
    const isWildcard = host.startsWith("*.");
    const name = normaliseHost(isWildcard ? host.slice(2) : host);
    const tables = isWildcard ? wildcardHosts : exactHosts;
    const table = tables.get(name) ?? createTable<Route>();
    tables.set(name, table);
    return table;
  }

  /** Tries the longest suffix first: `*.a.example.com` is more specific than `*.example.com`. The wildcard matches one label or more. */
  function matchWildcard(host: string, path: string): Route | undefined {
    for (let dot = host.indexOf(".", 1); dot !== -1; dot = host.indexOf(".", dot + 1)) {
      const table = wildcardHosts.get(host.slice(dot + 1));
      const route = table && matchPath(table, path);
      if (route !== undefined) return route;
    }
    return undefined;
  }

  /**
   * If no route of a host matches the path, less specific hosts are tried, as the Gateway API does between the routes of listeners.
   * Otherwise one route for one host would hide all routes without a host from it.
   */
  function match(host: string | undefined, target: string): Route {
    const path = normalisePath(target);
    if (host !== undefined && exactHosts.size + wildcardHosts.size > 0) {
      const name = normaliseHost(host);
      const table = exactHosts.get(name);
      const route =
        (table && matchPath(table, path)) ??
        (name.length <= MAX_HOST_LENGTH ? matchWildcard(name, path) : undefined);
      if (route !== undefined) return route;
    }
    return matchPath(anyHost, path) ?? defaultRoute;
  }

  return { match };
}

/** Normalises a Host field's value for comparison: lower case (RFC 9110 §4.2.3), without port and trailing dot. */
export function normaliseHost(host: string): string {
  const port = host.startsWith("[") ? host.indexOf(":", host.indexOf("]")) : host.indexOf(":");
  const name = (port === -1 ? host : host.slice(0, port)).toLowerCase();
  return name.endsWith(".") ? name.slice(0, -1) : name;
}

function createTable<Route>(): PathTable<Route> {
  return { exact: new Map(), root: createSegment() };
}

function createSegment<Route>(): Segment<Route> {
  return { literals: new Map(), param: undefined, full: undefined, prefix: undefined };
}

function addRoute<Route extends RoutePattern>(table: PathTable<Route>, route: Route): void {
  const pattern = parsePattern(route.path);
  if (!pattern.isPrefix && !pattern.segments.includes(undefined)) {
    const path = `/${pattern.segments.join("/")}`;
    if (!table.exact.has(path)) table.exact.set(path, route);
    return;
  }
  const last = growTo(table.root, pattern);
  if (pattern.isPrefix) last.prefix ??= { route, depth: pattern.segments.length };
  else last.full ??= route;
}

function growTo<Route>(root: Segment<Route>, pattern: PathPattern): Segment<Route> {
  let current = root;
  for (const segment of pattern.segments) {
    const existing = segment === undefined ? current.param : current.literals.get(segment);
    const next = existing ?? createSegment<Route>();
    if (segment === undefined) current.param = next;
    else current.literals.set(segment, next);
    current = next;
  }
  return current;
}

function matchPath<Route>(table: PathTable<Route>, path: string): Route | undefined {
  // Asterisk-form and authority-form (RFC 9112 §3.2) have no path: only a route for all paths matches them.
  if (!path.startsWith("/")) return table.root.prefix?.route;
  return (
    table.exact.get(path) ?? findFull(table.root, path, 1) ?? findPrefix(table.root, path, 1)?.route
  );
}

/** Finds a pattern with `{param}` that matches the whole path. At each segment, the literal is tried before the parameter. */
function findFull<Route>(current: Segment<Route>, path: string, start: number): Route | undefined {
  if (start > path.length) return current.full;
  if (current.literals.size === 0 && current.param === undefined) return undefined;
  const end = endOfSegment(path, start);
  const literal = current.literals.get(path.slice(start, end));
  const route = literal && findFull(literal, path, end + 1);
  if (route !== undefined || current.param === undefined || end === start) return route;
  return findFull(current.param, path, end + 1);
}

/** Finds the prefix with the most segments. Of two prefixes with equally many, the one with the earlier literal wins. */
function findPrefix<Route>(
  current: Segment<Route>,
  path: string,
  start: number,
): Prefix<Route> | undefined {
  if (start > path.length || (current.literals.size === 0 && current.param === undefined))
    return current.prefix;
  const end = endOfSegment(path, start);
  const literal = current.literals.get(path.slice(start, end));
  const longest = literal && findPrefix(literal, path, end + 1);
  const other = current.param && end > start ? findPrefix(current.param, path, end + 1) : undefined;
  if (other !== undefined && other.depth > (longest?.depth ?? 0)) return other;
  return longest ?? current.prefix;
}

function endOfSegment(path: string, start: number): number {
  const slash = path.indexOf("/", start);
  return slash === -1 ? path.length : slash;
}
