import assert from "node:assert/strict";
import test from "node:test";

import type { HeadConfig, RouteConfig } from "../../src/config/schema.ts";
import { planHead } from "../../src/head/plan.ts";

function toRoute(mode: HeadConfig["mode"]): RouteConfig {
  const head = { mode, drain: { bytes: 1, time: 1 } };
  return {
    name: "x",
    host: undefined,
    path: "/*",
    head,
    upstream: "default",
    responseTimeout: 1,
    idleTimeout: 1,
  };
}

test("a HEAD goes up as GET where the route converts", () => {
  assert.deepEqual(planHead(toRoute("convert")), { outcome: "convert", upstreamMethod: "GET" });
});

test("a HEAD goes up as HEAD where the route passes", () => {
  assert.deepEqual(planHead(toRoute("pass")), { outcome: "pass", upstreamMethod: "HEAD" });
});
