import assert from "node:assert/strict";
import test from "node:test";
import type { RouteConfig } from "../../src/config/types.ts";
import { explainMatch } from "../../src/cli/explain/match.ts";
import { toHeadConfig } from "../support/head.ts";

function routeOf(host: string | undefined, path: string): RouteConfig {
  return {
    name: `${host ?? ""}${path}`,
    host,
    path,
    head: toHeadConfig(),
    upstream: "default",
    responseTimeout: 1,
    idleTimeout: 1,
    strict: false,
  };
}

const defaultRoute = { ...routeOf(undefined, "/*"), name: "default" };

function explain(
  routes: readonly (readonly [host: string | undefined, path: string])[],
  host: string | undefined,
  target: string,
) {
  const { route, reason, path, others } = explainMatch(
    routes.map((parts) => routeOf(...parts)),
    defaultRoute,
    { host, target },
  );
  return {
    route: route.name,
    reason,
    path,
    others: others.map((other) => `${other.route.name}: ${other.reason}`),
  };
}

test("the winner has its reason, and each loser what came before it", () => {
  const routes = [
    [undefined, "/*"],
    [undefined, "/users/{id}"],
    [undefined, "/users/me"],
    ["*.example.com", "/users/*"],
    ["other.com", "/users/me"],
    [undefined, "/else"],
  ] as const;
  assert.deepEqual(explain(routes, "a.example.com:80", "//users/%6De?x"), {
    route: "*.example.com/users/*",
    reason: "a wildcard host and a prefix matches",
    path: "/users/me",
    others: [
      "/users/me: matches too, but a wildcard host comes before no host",
      "/users/{id}: matches too, but a wildcard host comes before no host",
      "/*: matches too, but a wildcard host comes before no host",
      "other.com/users/me: its path matches, but its host is other.com",
    ],
  });
  assert.deepEqual(explain(routes, undefined, "/users/me").others.slice(0, 2), [
    "/users/{id}: matches too, but the exact path comes before a path with a parameter",
    "/*: matches too, but the exact path comes before a prefix",
  ]);
});

test("a path with one difference is near", () => {
  const near = (path: string, target: string) =>
    explain([[undefined, path]], undefined, target).others.length;
  assert.equal(near("/health", "/health/"), 1);
  assert.equal(near("/health/", "/health"), 1);
  assert.equal(near("/Health", "/health"), 1);
  assert.equal(near("/health", "/health/deep"), 1);
  assert.equal(near("/health", "/healthy"), 0);
  assert.equal(explain([[undefined, "/health"]], undefined, "/health/").reason, "no route matches");
});
