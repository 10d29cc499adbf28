import assert from "node:assert/strict";
import test from "node:test";
import type { RouteConfig } from "../../src/config/types.ts";
import { normalisePath } from "../../src/http/routing/path.ts";
import { createRouter } from "../../src/http/routing/router.ts";
import { toHeadConfig } from "../support/head.ts";

function routeOf(pattern: string): RouteConfig {
  const slash = pattern.indexOf("/");
  return {
    name: pattern,
    host: slash > 0 ? pattern.slice(0, slash) : undefined,
    path: pattern.slice(slash),
    head: toHeadConfig(),
    upstream: "default",
    responseTimeout: 1,
    idleTimeout: 1,
    strict: false,
  };
}

const defaultRoute = { ...routeOf("/*"), name: "default" };

/** Patterns are `host/path` or `/path`, and so are requests; both orders of the routes must give the same result. */
function assertMatches(
  patterns: readonly string[],
  expected: Readonly<Record<string, string>>,
): void {
  const routes = patterns.map(routeOf);
  const routers = [
    createRouter(routes, defaultRoute),
    createRouter(routes.toReversed(), defaultRoute),
  ];
  for (const [request, name] of Object.entries(expected)) {
    const [host, target] = splitRequest(request);
    for (const router of routers) assert.equal(router.match(host, target).name, name, request);
  }
}

function splitRequest(request: string): [string | undefined, string] {
  const slash = request.indexOf("/");
  return slash > 0 ? [request.slice(0, slash), request.slice(slash)] : [undefined, request];
}

test("without routes every request matches the default route", () => {
  assertMatches([], { "/": "default", "a.example/x": "default", "*": "default" });
});

test("an exact path beats {param}, which beats a prefix", () => {
  assertMatches(["/users/me", "/users/{id}", "/users/*", "/*"], {
    "/users/me": "/users/me",
    "/users/you": "/users/{id}",
    "/users/you/": "/users/*",
    "/users/you/posts": "/users/*",
    "/users": "/users/*",
    "/users/": "/users/*",
    "/usersme": "/*",
    "/": "/*",
  });
});

test("the longest prefix wins, by whole segments", () => {
  assertMatches(["/a/*", "/a/b/*", "/a/b/c/d/*"], {
    "/a": "/a/*",
    "/a/bc": "/a/*",
    "/a/b": "/a/b/*",
    "/a/b/c/dd": "/a/b/*",
    "/a/b/c/d/e": "/a/b/c/d/*",
    "/b": "default",
  });
});

test("a parameter stands for one segment that is not empty", () => {
  assertMatches(["/users/{id}/avatar"], {
    "/users/1/avatar": "/users/{id}/avatar",
    "/users//avatar": "default",
    "/users/1/2/avatar": "default",
    "/users/1/avatar/": "default",
  });
});

test("a literal segment is tried before a parameter, and the parameter if the literal leads nowhere", () => {
  assertMatches(["/{a}/x", "/b/{c}", "/b/y/z", "/{a}/y/w"], {
    "/b/x": "/b/{c}",
    "/c/x": "/{a}/x",
    "/b/y/w": "/{a}/y/w",
    "/b/y/z": "/b/y/z",
  });
});

test("a prefix with a parameter counts its segments too", () => {
  assertMatches(["/{tenant}/files/*", "/acme/*"], {
    "/acme/files/x": "/{tenant}/files/*",
    "/acme/other": "/acme/*",
    "/else/other": "default",
  });
});

test("an exact host beats a wildcard, a longer wildcard a shorter one, and any wildcard no host", () => {
  const routes = ["www.example.com/*", "*.www.example.com/*", "*.example.com/*", "/*"];
  assertMatches(routes, {
    "www.example.com/": "www.example.com/*",
    "a.www.example.com/": "*.www.example.com/*",
    "b.example.com/": "*.example.com/*",
    "a.b.example.com/": "*.example.com/*",
    "example.com/": "/*",
    "badexample.com/": "/*",
    ".example.com/": "/*",
    "/": "/*",
  });
});

test("the host decides before the path", () => {
  assertMatches(["example.com/*", "/exact"], {
    "example.com/exact": "example.com/*",
    "other/exact": "/exact",
  });
});

test("a host whose routes do not cover the path falls back to less specific hosts", () => {
  assertMatches(["a.example.com/x", "*.example.com/y", "/z"], {
    "a.example.com/x": "a.example.com/x",
    "a.example.com/y": "*.example.com/y",
    "a.example.com/z": "/z",
    "a.example.com/w": "default",
  });
});

test("case, port and trailing dot of the host do not matter", () => {
  assertMatches(["example.com/*", "[::1]/*"], {
    "EXAMPLE.com/": "example.com/*",
    "example.com:8080/": "example.com/*",
    "example.com./": "example.com/*",
    "example.com.:80/": "example.com/*",
    "[::1]:8080/": "[::1]/*",
    "[::1]/": "[::1]/*",
    "[::2]/": "default",
  });
});

test("every spelling of a path matches its route", () => {
  for (const target of [
    "/admin",
    "/%61dmin",
    "//admin",
    "/x/../admin",
    "/./admin",
    "/%2e/admin",
    "/x/%2E%2e/admin",
    "/admin?a=//",
    "/admin#f",
    "/../admin",
  ]) {
    assertMatches(["/admin"], { [target]: "/admin" });
  }
  assertMatches(["/%61dmin//x"], { "/admin/x": "/%61dmin//x" });
  assertMatches(["/café/*"], { "/caf%c3%a9/x": "/café/*", "/caf%C3%A9": "/café/*" });
});

test("an encoded slash or backslash never splits a segment", () => {
  assertMatches(["/a/{b}", "/a/*", "/x%2fy"], {
    "/a/b%2Fc": "/a/{b}",
    "/a/b%5cc": "/a/{b}",
    "/a%2fb": "default",
    "/a/b\\c": "/a/{b}",
    "/x%2Fy": "/x%2fy",
    "/x/y": "default",
  });
});

test("percent-encoding is decoded once", () => {
  assert.equal(normalisePath("/%2561dmin"), "/%2561dmin");
  assert.equal(normalisePath("/%%361"), "/%2561");
  assert.equal(normalisePath("/%zz%"), "/%25zz%25");
});

test("dot segments are resolved after slashes are merged", () => {
  const expected = {
    "/a//../b": "/b",
    "/a/.": "/a/",
    "/a/b/..": "/a/",
    "/..": "/",
    "/a/.b": "/a/.b",
    "/...": "/...",
    "//": "/",
    "/a//": "/a/",
  };
  for (const [target, path] of Object.entries(expected))
    assert.equal(normalisePath(target), path, target);
});

test("a target without a path matches only routes for every path", () => {
  assertMatches(["/*", "a.example/x/*"], { "*": "/*" });
  assertMatches(["/{x}", "/x"], { "*": "default" });
});

test("a host that is longer than any name costs no walk over its labels", () => {
  const router = createRouter([routeOf("*.a/*")], defaultRoute);
  assert.equal(router.match(`${"b.".repeat(300)}a`, "/").name, "default");
});
