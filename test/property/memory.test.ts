import assert from "node:assert/strict";
import test from "node:test";
import type { RouteConfig } from "../../src/config/schema.ts";
import { createMemory } from "../../src/head/memory.ts";
import { toHeadConfig } from "../support/head.ts";
import { fc } from "../support/property.ts";

const REMEMBER = 1_000;

function toRoute(path: string): RouteConfig {
  return {
    name: "same for all",
    host: undefined,
    path,
    head: { ...toHeadConfig("auto"), remember: REMEMBER },
    upstream: "default",
    responseTimeout: 1,
    idleTimeout: 1,
  };
}

// Two routes may have the same name, pattern and configuration, and are two all the same.
const ROUTES = ["/x", "/{id}", "/*", "/*", "/files/*"].map(toRoute);
const step = fc.record({
  action: fc.constantFrom("learn", "forget", "knows", "wait"),
  route: fc.nat(ROUTES.length - 1),
  path: fc.constantFrom("/x", "/y", "/x?q", "/files/a", "/files/a/", "/X"),
  ms: fc.nat(700),
});

/** What a route and path may be known by: all that was said of it, and of nothing else. */
function keyOf(index: number, path: string): string {
  return index < 2 ? `${index}` : `${index} ${path.split("?")[0]}`;
}

test("what is known of a route and path was learnt of just that", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let nowMs = 0;
      const memory = createMemory(() => nowMs, 3);
      const learnt = new Set<string>();
      for (const { action, route: index, path, ms } of steps) {
        const route = ROUTES[index] ?? assert.fail();
        if (action === "wait") nowMs += ms;
        if (action === "learn") {
          memory.learn(route, path);
          learnt.add(keyOf(index, path));
        }
        if (action === "forget") {
          memory.forget(route, path);
          learnt.delete(keyOf(index, path));
        }
        if (action === "knows" && memory.knows(route, path))
          assert.ok(learnt.has(keyOf(index, path)), `${route.path} ${path}`);
      }
    }),
  );
});

test("what was just learnt is known", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), step, (steps, last) => {
      const memory = createMemory(() => 0, 3);
      for (const { route, path } of [...steps, last])
        memory.learn(ROUTES[route] ?? assert.fail(), path);
      assert.ok(memory.knows(ROUTES[last.route] ?? assert.fail(), last.path));
    }),
  );
});
