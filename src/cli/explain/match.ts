/** Explains why a request matches its route. It is slow and simple; the router is the fast implementation. */

import type { RouteConfig } from "../../config/types.ts";
import { normalisePath } from "../../http/routing/path.ts";
import { parsePattern } from "../../http/routing/pattern.ts";
import { createRouter, normaliseHost } from "../../http/routing/router.ts";

/** A request's route, with the reasons. */
export interface Explanation {
  readonly route: RouteConfig;
  readonly reason: string;
  /** The path that was compared. */
  readonly path: string;
  /** Other routes that match, or that fail in one condition only; the nearest first. */
  readonly others: readonly { readonly route: RouteConfig; readonly reason: string }[];
}

/** The ranks that decide between two matching routes, in this order. */
const HOST_RANKS = ["no host", "a wildcard host", "the exact host"] as const;
const PATH_RANKS = ["a prefix", "a path with a parameter", "the exact path"] as const;

/** How a route relates to a request: ranks if it matches, a reason if it does not. */
interface Verdict {
  readonly route: RouteConfig;
  readonly host: number | undefined;
  readonly path: number | undefined;
  readonly isNear: boolean;
}

const MAX_OTHERS = 5;

/** Explains which route the router chooses for a Host value and a request-target. */
export function explainMatch(
  routes: readonly RouteConfig[],
  defaultRoute: RouteConfig,
  request: { readonly host: string | undefined; readonly target: string },
): Explanation {
  const route = createRouter(routes, defaultRoute).match(request.host, request.target);
  const path = normalisePath(request.target);
  const verdicts = routes.map((one) => judge(one, request.host, path));
  const winner = verdicts.find((verdict) => verdict.route === route);
  const others = verdicts
    .filter((verdict) => verdict.route !== route && verdict.isNear)
    .toSorted((a, b) => toScore(b) - toScore(a))
    .slice(0, MAX_OTHERS)
    .map((verdict) => ({ route: verdict.route, reason: toReason(verdict, winner) }));
  const reason = winner === undefined ? "no route matches" : `${describe(winner)} matches`;
  return { route, reason, path, others };
}

function judge(route: RouteConfig, host: string | undefined, path: string): Verdict {
  const hostRank = rankHost(route.host, host === undefined ? undefined : normaliseHost(host));
  const pathRank = rankPath(route.path, path);
  const isNear = pathRank !== undefined || (hostRank !== undefined && isOneSlip(route.path, path));
  return { route, host: hostRank, path: pathRank, isNear };
}

function rankHost(pattern: string | undefined, host: string | undefined): number | undefined {
  if (pattern === undefined) return 0;
  if (host === undefined) return undefined;
  const suffix = pattern.slice(1);
  if (pattern.startsWith("*."))
    return host.length > suffix.length && host.endsWith(suffix) ? 1 : undefined;
  return normaliseHost(pattern) === host ? 2 : undefined;
}

function rankPath(written: string, path: string): number | undefined {
  const { segments, isPrefix } = parsePattern(written);
  if (!path.startsWith("/")) return isPrefix && segments.length === 0 ? 0 : undefined;
  const own = path.split("/").slice(1);
  const fits = segments.every((segment, index) =>
    segment === undefined ? own[index] !== undefined && own[index] !== "" : own[index] === segment,
  );
  if (!fits || (!isPrefix && own.length !== segments.length)) return undefined;
  return isPrefix ? 0 : segments.includes(undefined) ? 1 : 2;
}

/** Detects common errors: a trailing slash, the wrong case, an exact path that was meant as a prefix. */
function isOneSlip(written: string, path: string): boolean {
  const other = path.endsWith("/") ? path.slice(0, -1) : `${path}/`;
  const isCase = rankPath(written.toLowerCase(), path.toLowerCase()) !== undefined;
  const isBelow = !written.endsWith("/*") && rankPath(`${written}/*`, path) !== undefined;
  return isCase || isBelow || rankPath(written, other) !== undefined;
}

function toScore({ host, path }: Verdict): number {
  return (host === undefined || path === undefined ? 0 : 100) + (host ?? -1) * 10 + (path ?? -1);
}

function toReason(verdict: Verdict, winner: Verdict | undefined): string {
  if (verdict.path === undefined) return "its path is near, but does not match";
  if (verdict.host === undefined) return `its path matches, but its host is ${verdict.route.host}`;
  if (winner?.host !== verdict.host)
    return `matches too, but ${HOST_RANKS[winner?.host ?? 0]} comes before ${HOST_RANKS[verdict.host]}`;
  if (winner.path !== verdict.path)
    return `matches too, but ${PATH_RANKS[winner.path ?? 0]} comes before ${PATH_RANKS[verdict.path]}`;
  return "matches too, but is less specific";
}

function describe({ host, path }: Verdict): string {
  const words = PATH_RANKS[path ?? 0] ?? "";
  return host === 0 ? words : `${HOST_RANKS[host ?? 0]} and ${words}`;
}
