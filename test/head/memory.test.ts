import assert from "node:assert/strict";
import test from "node:test";
import type { RouteConfig } from "../../src/config/schema.ts";
import { createMemory } from "../../src/head/memory.ts";
import { toHeadConfig } from "../support/head.ts";

function toRoute(path: string, remember: number): RouteConfig {
  const head = { ...toHeadConfig("auto"), remember };
  return {
    name: path,
    host: undefined,
    path,
    head,
    upstream: "default",
    responseTimeout: 1,
    idleTimeout: 1,
  };
}

test("once `remember` is over one caller asks again, the others use what is known meanwhile", () => {
  let nowMs = 0;
  const memory = createMemory(() => nowMs);
  const route = toRoute("/x", 300_000);
  memory.learn(route, "/x");
  nowMs = 299_999;
  assert.equal(memory.knows(route, "/x"), true);
  nowMs = 300_000;
  assert.deepEqual(
    Array.from({ length: 4 }, () => memory.knows(route, "/x")),
    [false, true, true, true],
  );
});

test("whoever asks again and never says how it went is followed by the next one", () => {
  let nowMs = 0;
  const memory = createMemory(() => nowMs);
  const route = toRoute("/x", 300_000);
  memory.learn(route, "/x");
  nowMs = 300_000;
  memory.knows(route, "/x");
  nowMs += 10_000;
  assert.deepEqual([memory.knows(route, "/x"), memory.knows(route, "/x")], [false, true]);
});

test("the paths of a prefix are bounded, and the one used least recently goes first", () => {
  const memory = createMemory(() => 0, 2);
  const route = toRoute("/*", 1_000);
  memory.learn(route, "/a");
  memory.learn(route, "/b");
  memory.knows(route, "/a");
  memory.learn(route, "/c");
  assert.deepEqual(
    ["/a", "/b", "/c"].map((path) => memory.knows(route, path)),
    [true, false, true],
  );
});

test("a path that is too long to be kept is not remembered", () => {
  const memory = createMemory(() => 0);
  const route = toRoute("/*", 1_000);
  const path = `/${"x".repeat(512)}`;
  memory.learn(route, path);
  assert.equal(memory.knows(route, path), false);
});
