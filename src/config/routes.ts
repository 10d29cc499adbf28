/**
 * What only all routes together can get wrong: two that match the same, and upstreams that nobody defined. It looks at the
 * unchecked value, so that one typo elsewhere in the file does not hide these mistakes until the next try.
 */

import { toPatternKey } from "../http/pattern.ts";
import type { Finding } from "./issues.ts";
import { parseRouteHost, parseRoutePath } from "./route-syntax.ts";
import { suggest } from "./suggest.ts";
import { asList, asMapping } from "./tree.ts";

/** Finds conflicts between routes and references to unknown upstreams. `lineOf` gives the line of a route's path, if it has one. */
export function checkRoutes(
  value: unknown,
  lineOf: (index: number) => number | undefined,
): readonly Finding[] {
  const routes = asList(asMapping(value)["routes"]).map(asMapping);
  const upstreams = ["default", ...Object.keys(asMapping(asMapping(value)["upstreams"]))];
  return [
    ...findConflicts(routes, lineOf),
    ...findUnknown(routes, upstreams),
    ...findReserved(upstreams.slice(1)),
  ];
}

type Mapping = Readonly<Record<string, unknown>>;

function findConflicts(
  routes: readonly Mapping[],
  lineOf: (index: number) => number | undefined,
): readonly Finding[] {
  const first = new Map<string, number>();
  return routes.flatMap((route, index): readonly Finding[] => {
    const key = toMatchKey(route);
    if (key === undefined) return [];
    const other = first.get(key);
    if (other === undefined) {
      first.set(key, index);
      return [];
    }
    const line = lineOf(other);
    const where = line === undefined ? "" : ` on line ${line}`;
    return [
      {
        path: ["routes", index, "path"],
        at: "value",
        message: `matches the same requests as routes[${other}]${where}`,
      },
    ];
  });
}

/** Routes with the same key match the same requests; undefined for a route that is wrong in itself. */
function toMatchKey({ host, path }: Mapping): string | undefined {
  try {
    const name = typeof host === "string" ? parseRouteHost(host) : "";
    return typeof path === "string" ? `${name} ${toPatternKey(parseRoutePath(path))}` : undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function findUnknown(routes: readonly Mapping[], upstreams: readonly string[]): readonly Finding[] {
  const known = new Set(upstreams);
  return routes.flatMap(({ upstream }, index): readonly Finding[] => {
    // A colon makes it a URL, which the schema checks.
    if (typeof upstream !== "string" || upstream.includes(":") || known.has(upstream)) return [];
    const message = `"${upstream}" is not in upstreams${suggest(upstream, upstreams)}`;
    return [{ path: ["routes", index, "upstream"], at: "value", message }];
  });
}

function findReserved(names: readonly string[]): readonly Finding[] {
  if (!names.includes("default")) return [];
  return [
    {
      path: ["upstreams", "default"],
      at: "key",
      message: "is the name of the top-level upstream: give this one another",
    },
  ];
}
