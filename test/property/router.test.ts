import assert from "node:assert/strict";
import test from "node:test";
import type { RouteConfig } from "../../src/config/types.ts";
import { explainMatch } from "../../src/cli/explain/match.ts";
import { normalisePath } from "../../src/http/routing/path.ts";
import { toPatternKey } from "../../src/http/routing/pattern.ts";
import { createRouter } from "../../src/http/routing/router.ts";
import { toHeadConfig } from "../support/head.ts";
import { fc } from "../support/property.ts";

const HEAD = toHeadConfig();

/** Few names, so that random routes and random requests match. */
const literal = fc.constantFrom("a", "b", "c");
const segments = fc.array(
  fc.oneof({ weight: 3, arbitrary: literal }, fc.constantFrom("{x}", "{y}")),
  { maxLength: 4 },
);
const pattern = fc
  .tuple(segments, fc.constantFrom("", "/*", "/"))
  .map(([parts, end]) => `${parts.map((part) => `/${part}`).join("")}${end}` || "/");
const patternHost = fc.constantFrom(undefined, "a.test", "b.a.test", "*.test", "*.a.test");
const requestHost = fc.constantFrom(
  undefined,
  "a.test",
  "B.A.test:80",
  "c.a.test.",
  "test",
  "x.test",
  "other",
);
const target = fc
  .array(fc.constantFrom("a", "b", "c", "", ".", "..", "%61", "%2e", "%2F", "d"), { maxLength: 5 })
  .chain((parts) => fc.constantFrom("", "?q=/a", "#f").map((end) => `/${parts.join("/")}${end}`));

const routes = fc
  .uniqueArray(fc.record({ host: patternHost, path: pattern }), {
    selector: ({ host, path }) => `${host} ${toPatternKey(path)}`,
    maxLength: 12,
  })
  .map((list) => list.map(toRoute));

function toRoute({
  host,
  path,
}: {
  readonly host: string | undefined;
  readonly path: string;
}): RouteConfig {
  return {
    name: `${host ?? ""}${path}`,
    host,
    path,
    head: HEAD,
    upstream: "default",
    responseTimeout: 1,
    idleTimeout: 1,
    strict: false,
  };
}

const defaultRoute: RouteConfig = { ...toRoute({ host: undefined, path: "/*" }), name: "default" };

/** The rules as documented: every route is tried, the best one wins. */
function matchNaively(
  all: readonly RouteConfig[],
  host: string | undefined,
  requestTarget: string,
): RouteConfig {
  const path = normaliseNaively(requestTarget);
  const name = host?.toLowerCase().replace(/:\d+$/, "").replace(/\.$/, "");
  const ranked = all
    .map((route) => ({
      route,
      rank: [...(rankHost(route.host, name) ?? [-1]), ...(rankPath(route.path, path) ?? [-1])],
    }))
    .filter(({ rank }) => !rank.includes(-1))
    .toSorted((a, b) => compareRanks(b.rank, a.rank));
  return ranked[0]?.route ?? defaultRoute;
}

function rankHost(
  own: string | undefined,
  name: string | undefined,
): readonly number[] | undefined {
  if (own === undefined) return [0, 0];
  if (name === undefined) return undefined;
  if (own.startsWith("*")) return name.endsWith(own.slice(1)) ? [1, own.length] : undefined;
  return own === name ? [2, 0] : undefined;
}

/** Kind, then length in segments, then which segments are literal, from the left. */
function rankPath(own: string, path: string): readonly number[] | undefined {
  const isPrefix = own.endsWith("/*");
  const stem = isPrefix ? own.slice(0, -2) : own;
  const source = stem.replaceAll(/\{.\}/g, "[^/]+");
  if (!new RegExp(`^${source}${isPrefix ? "(/.*)?" : ""}$`).test(path)) return undefined;
  const parts = stem.split("/");
  const kind = isPrefix ? 0 : own.includes("{") ? 1 : 2;
  return [kind, parts.length, ...parts.map((part) => (part.startsWith("{") ? 0 : 1))];
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
  const index = a.findIndex((value, at) => value !== b[at]);
  return index === -1 ? 0 : (a[index] ?? 0) - (b[index] ?? 0);
}

/** One rewriting rule at a time until nothing changes. */
function normaliseNaively(requestTarget: string): string {
  let path = requestTarget
    .replace(/[?#].*$/, "")
    .replaceAll("%61", "a")
    .replaceAll("%2e", ".");
  for (let before = ""; before !== path;) {
    before = path;
    path = path
      .replace(/\/\/+/, "/")
      .replace(/\/\.(\/|$)/, "/")
      .replace(/^\/\.\.(\/|$)/, "/");
    if (!/\/\/|\/\.(\/|$)/.test(path)) path = path.replace(/\/[^/]+\/\.\.(\/|$)/, "/");
  }
  return path;
}

test("the router agrees with a naive model, with the routes in any order", () => {
  fc.assert(
    fc.property(
      routes,
      fc.array(fc.tuple(requestHost, target), { minLength: 1, maxLength: 10 }),
      (all, requests) => {
        const router = createRouter(all, defaultRoute);
        const reversed = createRouter(all.toReversed(), defaultRoute);
        for (const [host, requestTarget] of requests) {
          const expected = matchNaively(all, host, requestTarget).name;
          assert.equal(router.match(host, requestTarget).name, expected);
          assert.equal(reversed.match(host, requestTarget).name, expected);
        }
      },
    ),
    { numRuns: 1_000 },
  );
});

test("an explanation is about the route that the router takes, and names it once", () => {
  fc.assert(
    fc.property(routes, requestHost, target, (all, host, requestTarget) => {
      const { route, others, reason } = explainMatch(all, defaultRoute, {
        host,
        target: requestTarget,
      });
      assert.equal(route, createRouter(all, defaultRoute).match(host, requestTarget));
      assert.equal(reason === "no route matches", route === defaultRoute);
      assert.ok(!others.some((other) => other.route === route));
    }),
  );
});

const anyTarget = fc.oneof(
  fc.string(),
  fc
    .string({
      unit: fc.constantFrom(
        "/",
        ".",
        "%",
        "2",
        "5",
        "e",
        "E",
        "6",
        "1",
        "f",
        "a",
        "\\",
        "?",
        "#",
        "*",
      ),
    })
    .map((text) => `/${text}`),
);

test("normalising a path twice is the same as once", () => {
  fc.assert(
    fc.property(anyTarget, (text) =>
      assert.equal(normalisePath(normalisePath(text)), normalisePath(text)),
    ),
    { numRuns: 2_000 },
  );
});

test("a normalised path has no dot segments, no doubled slashes, no query and no encoded letters", () => {
  fc.assert(
    fc.property(anyTarget, (text) => {
      if (text.startsWith("/"))
        assert.doesNotMatch(
          normalisePath(text),
          /^[^/]|\/\/|\/\.{1,2}(\/|$)|[?#]|%(41|61|2[de]|7e)|%(?![0-9A-F]{2})/,
        );
    }),
    { numRuns: 2_000 },
  );
});

test("there is a route for anything that a client sends", () => {
  fc.assert(
    fc.property(
      routes,
      fc.option(fc.string(), { nil: undefined }),
      anyTarget,
      (all, host, text) => {
        assert.ok(
          [...all, defaultRoute].includes(createRouter(all, defaultRoute).match(host, text)),
        );
      },
    ),
  );
});
