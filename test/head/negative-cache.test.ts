import assert from "node:assert/strict";
import test from "node:test";
import type { RouteConfig } from "../../src/config/types.ts";
import { createNegativeCache } from "../../src/head/negative-cache.ts";
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
    strict: false,
  };
}

const CALLER = {};
const at = (path: string, host = "a.example") => ({ host, path });

test("once `remember` is over one caller tries again; the others use what is known meanwhile", () => {
  let nowMs = 0;
  const memory = createNegativeCache(() => nowMs);
  const route = toRoute("/x", 300_000);
  memory.add(route, at("/x"));
  nowMs = 299_999;
  assert.equal(memory.has(route, at("/x"), CALLER), true);
  nowMs = 300_000;
  assert.deepEqual(
    Array.from({ length: 4 }, () => memory.has(route, at("/x"), CALLER)),
    [false, true, true, true],
  );
});

test("if the caller that tries again never reports a result, the next caller tries", () => {
  let nowMs = 0;
  const memory = createNegativeCache(() => nowMs);
  const route = toRoute("/x", 300_000);
  memory.add(route, at("/x"));
  nowMs = 300_000;
  assert.equal(memory.has(route, at("/x"), CALLER), false);
  nowMs += 10_000;
  assert.deepEqual(
    [memory.has(route, at("/x"), CALLER), memory.has(route, at("/x"), CALLER)],
    [false, true],
  );
});

test("the paths of a prefix are bounded; the least recently used one goes first", () => {
  const memory = createNegativeCache(() => 0, 2);
  const route = toRoute("/*", 1_000);
  memory.add(route, at("/a"));
  memory.add(route, at("/b"));
  assert.equal(memory.has(route, at("/a"), CALLER), true);
  memory.add(route, at("/c"));
  assert.deepEqual(
    ["/a", "/b", "/c"].map((path) => memory.has(route, at(path), CALLER)),
    [true, false, true],
  );
});

test("a path that is too long to be kept is not remembered", () => {
  const memory = createNegativeCache(() => 0);
  const route = toRoute("/*", 1_000);
  const path = `/${"x".repeat(512)}`;
  memory.add(route, at(path));
  assert.equal(memory.has(route, at(path), CALLER), false);
});

test("an entry is for one host, unless the route is for one host", () => {
  const memory = createNegativeCache(() => 0);
  const [all, one, some] = [undefined, "a.example", "*.example"].map((host) => ({
    ...toRoute("/x", 1_000),
    host,
  }));
  for (const [route, expected] of [
    [all, [true, true, false]],
    [one, [true, true, true]],
    [some, [true, true, false]],
  ] as const) {
    assert.ok(route !== undefined);
    memory.add(route, at("/x"));
    const hosts = ["a.example", "A.EXAMPLE.:80", "b.example"];
    assert.deepEqual(
      hosts.map((host) => memory.has(route, at("/x", host), CALLER) === true),
      expected,
    );
  }
});

test("callers wait while one of them finds out", async () => {
  for (const [how, expected] of [
    ["add", true],
    ["delete", false],
    ["keep", false],
    ["endTrial", false],
  ] as const) {
    const memory = createNegativeCache(() => 0);
    const route = toRoute("/*", 1_000);
    assert.equal(memory.has(route, at("/a"), CALLER), false);
    const waits = memory.has(route, at("/a"), CALLER);
    assert.ok(waits instanceof Promise);
    assert.equal(memory.has(route, at("/b"), CALLER), false, "another path is another question");
    memory[how](route, at("/a"), CALLER);
    await waits;
    assert.equal(memory.has(route, at("/a"), CALLER), expected, how);
    // If the leader found nothing, another caller takes over; once there is a result, no caller waits.
    assert.equal(memory.has(route, at("/a"), CALLER) instanceof Promise, how === "endTrial", how);
  }
});

test("callers do not wait for a leader that takes too long", async () => {
  let nowMs = 0;
  const memory = createNegativeCache(() => nowMs);
  const route = toRoute("/x", 1_000);
  assert.equal(memory.has(route, at("/x"), CALLER), false);
  const waits = memory.has(route, at("/x"), CALLER);
  nowMs = 1_000;
  assert.equal(memory.has(route, at("/x"), CALLER), false);
  const alive = setInterval(() => undefined, 1_000); // the memory's own timer keeps no process alive
  await waits;
  clearInterval(alive);
});

test("a response that proves nothing does not undo an entry", () => {
  const memory = createNegativeCache(() => 0);
  const route = toRoute("/x", 1_000);
  memory.add(route, at("/x"));
  memory.keep(route, at("/x"));
  memory.endTrial(route, at("/x"), CALLER);
  assert.equal(memory.has(route, at("/x"), CALLER), true);
  memory.delete(route, at("/x"));
  assert.equal(memory.has(route, at("/x"), CALLER), false);
});

test("a caller ends only the trial that it has started, and a result ends any", async () => {
  const memory = createNegativeCache(() => 0);
  const route = toRoute("/x", 1_000);
  const [first, second, third] = [{}, {}, {}];
  assert.equal(memory.has(route, at("/x"), first), false);
  memory.endTrial(route, at("/x"), first);
  assert.equal(memory.has(route, at("/x"), second), false);
  memory.endTrial(route, at("/x"), first); // the end of its exchange
  const waits = memory.has(route, at("/x"), third);
  assert.ok(waits instanceof Promise);
  memory.add(route, at("/x"));
  await waits;
  assert.equal(memory.has(route, at("/x"), third), true);
});
