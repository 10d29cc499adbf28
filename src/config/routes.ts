/**
 * Checks the routes together: two routes with the same pattern or name, and references to upstreams that the file does not define.
 * It reads the unchecked value, so that it reports these mistakes even if the schema finds another one in the file.
 */

import { toPatternKey } from "../http/routing/pattern.ts";
import type { KeyDiagnostic } from "./schema/issues.ts";
import { findPathWarning, parseRouteHost, parseRoutePath } from "./route-syntax.ts";
import { didYouMean } from "./hints/did-you-mean.ts";
import { asList, asMapping } from "./untyped.ts";

/** Returns the name of a route in logs and metrics. */
export function toRouteName({ name, host, path }: RouteKeys): string {
  return name ?? `${host ?? ""}${path}`;
}

/** Finds conflicts between routes and references to unknown upstreams. `lineOf` returns the line of a route's path, if it has one. */
export function checkRoutes(value: unknown, lineOf: LineOf): readonly KeyDiagnostic[] {
  const routes = asList(asMapping(value)["routes"]).map(asMapping);
  const upstreams = ["default", ...Object.keys(asMapping(asMapping(value)["upstreams"]))];
  return [
    ...findConflicts(routes, lineOf),
    ...findDuplicateNames(routes, lineOf),
    ...findReservedNames(routes),
    ...findUnknown(routes, upstreams),
    ...findReserved(upstreams.slice(1)),
  ];
}

/** Finds settings of routes that are valid, but probably not what the operator meant. */
export function findWarnings(value: unknown): readonly KeyDiagnostic[] {
  const routes = asList(asMapping(value)["routes"]).map(asMapping);
  return routes.flatMap(({ path }, index): readonly KeyDiagnostic[] => {
    const message = tryParse(() =>
      typeof path === "string" ? findPathWarning(parseRoutePath(path)) : undefined,
    );
    return message === undefined ? [] : [{ path: ["routes", index, "path"], at: "value", message }];
  });
}

/** The keys of a route that determine its name. */
interface RouteKeys {
  readonly name?: string | undefined;
  readonly host?: string | undefined;
  readonly path: string;
}

/** Names that the metrics use for something else. */
const RESERVED: Readonly<Record<string, string>> = {
  default: "the route of what no other route matches",
  none: "what is refused before any route is looked for",
};
/** The names that no route may have. */
export const RESERVED_NAMES: readonly string[] = Object.keys(RESERVED);

type Mapping = Readonly<Record<string, unknown>>;

type LineOf = (index: number) => number | undefined;

function findConflicts(routes: readonly Mapping[], lineOf: LineOf): readonly KeyDiagnostic[] {
  return findRepeated(routes.map(toMatchKey)).map(([index, other]) => ({
    path: ["routes", index, "path"],
    at: "value",
    message: `matches the same requests as ${describe(other, lineOf(other))}`,
  }));
}

/**
 * Two routes with the same name would be the same in metrics and log lines. If neither sets a name, they have the same pattern, which
 * `findConflicts` reports.
 */
function findDuplicateNames(routes: readonly Mapping[], lineOf: LineOf): readonly KeyDiagnostic[] {
  const names = routes.map(nameOf).map((name) => (isReserved(name) ? undefined : name));
  return findRepeated(names)
    .filter((pair) => pair.some((index) => routes[index]?.["name"] !== undefined))
    .map(([index, other]) => ({
      path: ["routes", index, "name"],
      at: "value",
      message: `"${names[index]}" is the name of ${describe(other, lineOf(other))} already`,
    }));
}

function findReservedNames(routes: readonly Mapping[]): readonly KeyDiagnostic[] {
  return routes.map(nameOf).flatMap((name, index): readonly KeyDiagnostic[] => {
    if (!isReserved(name)) return [];
    const message = `"${name}" is the name of ${RESERVED[name]}`;
    return [{ path: ["routes", index, "name"], at: "value", message }];
  });
}

function isReserved(name: string | undefined): name is string {
  return name !== undefined && Object.hasOwn(RESERVED, name);
}

/** Finds keys that occur again: the index of each, and the index of its first occurrence. Undefined is not a key. */
function findRepeated(
  keys: readonly (string | undefined)[],
): readonly (readonly [index: number, first: number])[] {
  const firsts = new Map<string, number>();
  return keys.flatMap((key, index): readonly (readonly [number, number])[] => {
    if (key === undefined) return [];
    const first = firsts.get(key);
    if (first !== undefined) return [[index, first]];
    firsts.set(key, index);
    return [];
  });
}

/** Undefined if the route itself is invalid. */
function nameOf({ name, host, path }: Mapping): string | undefined {
  if (typeof name === "string") return name;
  if (name !== undefined || typeof path !== "string") return undefined;
  return tryParse(() =>
    toRouteName({
      host: typeof host === "string" ? parseRouteHost(host) : undefined,
      path: parseRoutePath(path),
    }),
  );
}

/** Routes with the same key match the same requests. Undefined if the route itself is invalid. */
function toMatchKey({ host, path }: Mapping): string | undefined {
  return tryParse(() => {
    const name = typeof host === "string" ? parseRouteHost(host) : "";
    return typeof path === "string" ? `${name} ${toPatternKey(parseRoutePath(path))}` : undefined;
  });
}

function describe(index: number, line: number | undefined): string {
  return line === undefined ? `routes[${index}]` : `routes[${index}] on line ${line}`;
}

/** Undefined if a host or a path is invalid. The schema reports why. */
function tryParse(read: () => string | undefined): string | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function findUnknown(
  routes: readonly Mapping[],
  upstreams: readonly string[],
): readonly KeyDiagnostic[] {
  const known = new Set(upstreams);
  return routes.flatMap(({ upstream }, index): readonly KeyDiagnostic[] => {
    // With a colon it is a URL, which the schema checks.
    if (typeof upstream !== "string" || upstream.includes(":") || known.has(upstream)) return [];
    const message = `"${upstream}" is not in upstreams`;
    const hint = (): string => didYouMean(upstream, upstreams);
    return [{ path: ["routes", index, "upstream"], at: "value", message, hint }];
  });
}

function findReserved(names: readonly string[]): readonly KeyDiagnostic[] {
  if (!names.includes("default")) return [];
  return [
    {
      path: ["upstreams", "default"],
      at: "key",
      message: "is the name of the top-level upstream: give this one another",
    },
  ];
}
