import assert from "node:assert/strict";
import test from "node:test";

import type { HeadConfig, RouteConfig } from "../../src/config/schema.ts";
import { planHead } from "../../src/head/plan.ts";
import { toHeadConfig } from "../support/head.ts";

function toRoute(head: HeadConfig["mode"]): RouteConfig {
  return {
    name: "x",
    host: undefined,
    path: "/*",
    head: toHeadConfig(head),
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
