import assert from "node:assert/strict";
import test from "node:test";

import type { HeadConfig } from "../../src/config/schema/head.ts";
import type { RouteConfig } from "../../src/config/types.ts";
import type { CheckedRequest } from "../../src/http/request.ts";
import { planHead } from "../../src/proxy/plan.ts";
import type { Peer } from "../../src/http/forwarded.ts";
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

const X = { path: "/x", endToEnd: [], framing: "none", upgrade: undefined } as const;

type Planned = Pick<CheckedRequest, "path" | "endToEnd" | "framing" | "upgrade">;

function plan(mode: HeadConfig["mode"], request: Planned = X) {
  const { outcome, upstreamMethod } = planHead(toRoute(mode), request, undefined).mode;
  return { outcome, upstreamMethod };
}

function planShare(mode: HeadConfig["mode"], request: Planned, peer?: Peer) {
  const route = toRoute(mode);
  return planHead({ ...route, head: { ...route.head, share: 1_000 } }, request, peer).share;
}

test("a HEAD is sent upstream as GET if the route converts", () => {
  assert.deepEqual(plan("convert"), { outcome: "convert", upstreamMethod: "GET" });
});

test("a HEAD goes up as HEAD where the route passes", () => {
  assert.deepEqual(plan("pass"), { outcome: "pass", upstreamMethod: "HEAD" });
});

test("a HEAD goes up as HEAD where the route observes, and not at all where it rejects", () => {
  assert.deepEqual(plan("observe"), { outcome: "observe", upstreamMethod: "HEAD" });
  assert.deepEqual(plan("reject"), { outcome: "reject", upstreamMethod: undefined });
});

test("in mode auto a HEAD goes up as HEAD", () => {
  assert.deepEqual(plan("auto"), { outcome: "native", upstreamMethod: "HEAD" });
});

test("what is guarded goes up as HEAD, unless the route rejects", () => {
  const guarded = { ...X, endToEnd: ["Tus-Resumable", "1.0.0"] };
  for (const mode of ["convert", "auto", "pass", "observe"] as const)
    assert.equal(plan(mode, guarded).outcome, "pass");
  assert.equal(plan("reject", guarded).outcome, "reject");
});

test("a HEAD is shared in the modes that replace it, unless a passthrough rule matches or it depends on its client", () => {
  const plain = { path: "/x", endToEnd: ["X-B", "2", "accept", "a"], framing: "none" } as const;
  const request = { ...plain, upgrade: undefined };
  for (const mode of ["convert", "auto"] as const)
    assert.deepEqual(planShare(mode, request), { key: "\nx-b:2\n\n" });
  for (const mode of ["pass", "observe", "reject"] as const)
    assert.deepEqual(planShare(mode, request), {
      bypassReason: `the mode is ${mode}`,
    });
  const obstacles = [
    { ...request, endToEnd: ["Upload-Offset", "0"] },
    { ...request, endToEnd: ["COOKIE", "a=b"] },
    { ...request, framing: "chunked" as const },
    { ...request, upgrade: { protocols: "h2c", option: "Upgrade" } },
  ].map((one) => planShare("convert", one));
  assert.deepEqual(obstacles, [
    { bypassReason: "a guard applies" },
    { bypassReason: "it carries COOKIE" },
    { bypassReason: "it carries content" },
    { bypassReason: "it carries Upgrade" },
  ]);
});

test("forwarding fields of a trusted client differ from those of a stranger", () => {
  const request = { path: "/x", endToEnd: ["X-Forwarded-Proto", "https"] } as const;
  const [believed, stranger] = [true, false].map((trusted) =>
    planShare(
      "convert",
      { ...request, framing: "none", upgrade: undefined },
      { address: "192.0.2.1", trusted },
    ),
  );
  assert.notDeepEqual(believed, stranger);
});
