import assert from "node:assert/strict";
import test from "node:test";
import type { RouteConfig } from "../../src/config/types.ts";
import { createNegativeCache } from "../../src/head/negative-cache.ts";
import { toHeadConfig } from "../support/head.ts";
import { fc } from "../support/property.ts";

const REMEMBER = 1_000;
const CALLER = {};

function toRoute(path: string): RouteConfig {
  return {
    name: "same for all",
    host: undefined,
    path,
    head: { ...toHeadConfig("auto"), remember: REMEMBER },
    upstream: "default",
    responseTimeout: 1,
    idleTimeout: 1,
    strict: false,
  };
}

// Two routes may have the same name, pattern and configuration, and are still two routes.
const ROUTES = ["/x", "/{id}", "/*", "/*", "/files/*"].map(toRoute);
const step = fc.record({
  action: fc.constantFrom("learn", "forget", "keep", "endTrial", "knows", "knows", "wait"),
  route: fc.nat(ROUTES.length - 1),
  path: fc.constantFrom("/x", "/y", "/x?q", "/files/a", "/files/a/", "/X"),
  host: fc.constantFrom("a", "A.:80", "b", undefined),
  ms: fc.nat(700),
});

/** The key of a route, host and path: everything that belongs to it, and nothing else. */
function keyOf(index: number, host: string | undefined, path: string): string {
  const name = host?.toLowerCase().replace(/\..*/, "");
  return index < 2 ? `${index} ${name}` : `${index} ${name} ${path.split("?")[0]}`;
}

test("an entry for a route, host and path comes from a response to just that", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let nowMs = 0;
      const memory = createNegativeCache(() => nowMs, 3);
      const learnt = new Set<string>();
      for (const { action, route: index, host, path, ms } of steps) {
        const route = ROUTES[index] ?? assert.fail();
        if (action === "wait") nowMs += ms;
        if (action === "learn") {
          memory.add(route, { host, path });
          learnt.add(keyOf(index, host, path));
        }
        if (action === "forget") {
          memory.delete(route, { host, path });
          learnt.delete(keyOf(index, host, path));
        }
        if (action === "keep" || action === "endTrial")
          memory[action](route, { host, path }, CALLER);
        if (action === "knows" && memory.has(route, { host, path }, CALLER) === true)
          assert.ok(learnt.has(keyOf(index, host, path)), `${route.path} ${path}`);
      }
    }),
  );
});

test("an entry that was just added is found", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), step, (steps, last) => {
      const memory = createNegativeCache(() => 0, 3);
      for (const { route, host, path } of [...steps, last])
        memory.add(ROUTES[route] ?? assert.fail(), { host, path });
      assert.equal(memory.has(ROUTES[last.route] ?? assert.fail(), last, CALLER), true);
    }),
  );
});
