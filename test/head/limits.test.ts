import assert from "node:assert/strict";
import test from "node:test";
import type { HeadLimit, RouteConfig } from "../../src/config/types.ts";
import { createHeadLimits } from "../../src/head/limits.ts";
import { toHeadConfig } from "../support/head.ts";
import { fc } from "../support/property.ts";

function toRoute(limit: HeadLimit | undefined): RouteConfig {
  const head = { ...toHeadConfig(), limit };
  return {
    name: "x",
    host: undefined,
    path: "/*",
    head,
    upstream: "default",
    responseTimeout: 1,
    idleTimeout: 1,
    strict: false,
  };
}

test("a rate admits one second's worth at once, then as many as time allows", () => {
  let nowMs = 0;
  const limits = createHeadLimits(() => nowMs);
  const route = toRoute({ rate: 10 });
  const enter = (): boolean => typeof limits.acquire(route) === "function";
  assert.equal(Array.from({ length: 30 }, enter).filter(Boolean).length, 10);
  nowMs = 500;
  assert.equal(Array.from({ length: 30 }, enter).filter(Boolean).length, 5);
  nowMs = 3_600_000;
  assert.equal(Array.from({ length: 30 }, enter).filter(Boolean).length, 10);
});

test("HEADs of a route without a limit, or of another route, are not counted", () => {
  const limits = createHeadLimits(() => 0);
  const [limited, other] = [toRoute({ concurrent: 1 }), toRoute({ concurrent: 1 })];
  assert.equal(typeof limits.acquire(limited), "function");
  assert.equal(limits.acquire(limited), 1);
  assert.equal(typeof limits.acquire(other), "function");
  for (let round = 0; round < 100; round += 1)
    assert.equal(typeof limits.acquire(toRoute(undefined)), "function");
});

test("no more than `concurrent` HEADs are in flight, and `concurrent` always may be", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.array(fc.boolean()), (concurrent, steps) => {
      const limits = createHeadLimits(() => 0);
      const route = toRoute({ concurrent });
      const inside: (() => void)[] = [];
      for (const isEntering of steps) {
        if (!isEntering) inside.pop()?.();
        else {
          const leave = limits.acquire(route);
          assert.equal(typeof leave === "function", inside.length < concurrent);
          if (typeof leave === "function") inside.push(leave);
        }
      }
    }),
  );
});
