import assert from "node:assert/strict";
import test from "node:test";

import type { HeadConfig, RouteConfig } from "../../src/config/types.ts";
import { isRefused, planHead, planShare } from "../../src/head/plan.ts";
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
    strict: false,
  };
}

const X = { path: "/x", fields: [] };

test("a HEAD is sent upstream as GET if the route converts", () => {
  const plan = planHead(toRoute("convert"), X);
  assert.deepEqual(plan, { outcome: "convert", upstreamMethod: "GET" });
});

test("a HEAD is sent upstream as HEAD if the route passes", () => {
  const plan = planHead(toRoute("pass"), X);
  assert.deepEqual(plan, { outcome: "pass", upstreamMethod: "HEAD" });
});

test("a HEAD is sent upstream as HEAD if the route observes, and not at all if it rejects", () => {
  const plan = planHead(toRoute("observe"), X);
  assert.deepEqual(plan, { outcome: "observe", upstreamMethod: "HEAD" });
  assert.deepEqual(planHead(toRoute("reject"), X), { outcome: "reject" });
});

test("in mode auto a HEAD is sent upstream as HEAD", () => {
  const plan = planHead(toRoute("auto"), X);
  assert.deepEqual(plan, { outcome: "native", upstreamMethod: "HEAD" });
});

test("the statuses in fallbackOn count as a refused HEAD", () => {
  for (const [status, expected] of [
    [405, true],
    [501, true],
    [404, false],
    [200, false],
  ] as const)
    assert.equal(isRefused(toRoute("auto"), status), expected);
});

test("a HEAD that a passthrough rule matches is sent as HEAD, unless the route rejects", () => {
  const guarded = { path: "/x", fields: ["Tus-Resumable", "1.0.0"] };
  for (const mode of ["convert", "auto", "pass", "observe"] as const)
    assert.equal(planHead(toRoute(mode), guarded).outcome, "pass");
  assert.equal(planHead(toRoute("reject"), guarded).outcome, "reject");
});

test("a HEAD is shared in the modes that replace it, unless a passthrough rule matches or it depends on its client", () => {
  const plain = { path: "/x", fields: ["X-B", "2", "accept", "a"], framing: "none" } as const;
  const request = { ...plain, upgrade: undefined };
  for (const mode of ["convert", "auto"] as const)
    assert.deepEqual(planShare(toRoute(mode), request, undefined), { key: "\nx-b:2\n\n" });
  for (const mode of ["pass", "observe", "reject"] as const)
    assert.deepEqual(planShare(toRoute(mode), request, undefined), {
      bypassReason: `the mode is ${mode}`,
    });
  const obstacles = [
    { ...request, fields: ["Upload-Offset", "0"] },
    { ...request, fields: ["COOKIE", "a=b"] },
    { ...request, framing: "chunked" as const },
    { ...request, upgrade: { protocols: "h2c", option: "Upgrade" } },
  ].map((one) => planShare(toRoute("convert"), one, undefined));
  assert.deepEqual(obstacles, [
    { bypassReason: "a guard passes it on" },
    { bypassReason: "it carries COOKIE" },
    { bypassReason: "it carries content" },
    { bypassReason: "it carries Upgrade" },
  ]);
});

test("forwarding fields of a trusted client differ from those of a stranger", () => {
  const request = { path: "/x", fields: ["X-Forwarded-Proto", "https"] } as const;
  const [believed, stranger] = [true, false].map((trusted) =>
    planShare(
      toRoute("convert"),
      { ...request, framing: "none", upgrade: undefined },
      { address: "192.0.2.1", trusted },
    ),
  );
  assert.notDeepEqual(believed, stranger);
});
