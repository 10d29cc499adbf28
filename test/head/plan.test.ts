import assert from "node:assert/strict";
import test from "node:test";

import type { HeadConfig, RouteConfig } from "../../src/config/schema.ts";
import { isRefused, planHead } from "../../src/head/plan.ts";
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

const X = { path: "/x", fields: [] };
const never = () => assert.fail("nobody needs to know");

test("a HEAD goes up as GET where the route converts", () => {
  const plan = planHead(toRoute("convert"), X, never);
  assert.deepEqual(plan, { outcome: "convert", upstreamMethod: "GET" });
});

test("a HEAD goes up as HEAD where the route passes", () => {
  const plan = planHead(toRoute("pass"), X, never);
  assert.deepEqual(plan, { outcome: "pass", upstreamMethod: "HEAD" });
});

test("a HEAD goes up as HEAD where the route observes, and not at all where it rejects", () => {
  const plan = planHead(toRoute("observe"), X, never);
  assert.deepEqual(plan, { outcome: "observe", upstreamMethod: "HEAD" });
  assert.deepEqual(planHead(toRoute("reject"), X, never), { outcome: "reject" });
});

test("in mode auto a HEAD goes up as HEAD, until it is known that this is refused", () => {
  const route = toRoute("auto");
  assert.deepEqual(
    planHead(route, X, () => false),
    { outcome: "native", upstreamMethod: "HEAD" },
  );
  assert.deepEqual(
    planHead(route, X, () => true),
    { outcome: "convert", upstreamMethod: "GET" },
  );
});

test("only a native HEAD can be refused, by the answers in fallbackOn", () => {
  const native = { outcome: "native", upstreamMethod: "HEAD" } as const;
  const passed = { outcome: "pass", upstreamMethod: "HEAD" } as const;
  for (const [status, expected] of [
    [405, true],
    [501, true],
    [404, false],
    [200, false],
  ] as const)
    assert.equal(isRefused(native, toRoute("auto"), status), expected);
  assert.equal(isRefused(passed, toRoute("pass"), 405), false);
});

test("what is guarded goes up as HEAD, unless the route rejects", () => {
  const guarded = { path: "/x", fields: ["Tus-Resumable", "1.0.0"] };
  for (const mode of ["convert", "auto", "pass", "observe"] as const)
    assert.equal(planHead(toRoute(mode), guarded, never).outcome, "pass");
  assert.equal(planHead(toRoute("reject"), guarded, never).outcome, "reject");
});
