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

const at = (path: string, host = "a.example") => ({ host, path });

test("once `remember` is over one caller tries again; the others use what is known meanwhile", () => {
  let nowMs = 0;
  const memory = createNegativeCache(() => nowMs);
  const route = toRoute("/x", 300_000);
  memory.add(route, at("/x"));
  nowMs = 299_999;
  assert.equal(memory.has(route, at("/x")), true);
  nowMs = 300_000;
  assert.deepEqual(
    Array.from({ length: 4 }, () => memory.has(route, at("/x"))),
    [false, true, true, true],
  );
});

test("if the caller that tries again never reports a result, the next caller tries", () => {
  let nowMs = 0;
  const memory = createNegativeCache(() => nowMs);
  const route = toRoute("/x", 300_000);
  memory.add(route, at("/x"));
  nowMs = 300_000;
  assert.equal(memory.has(route, at("/x")), false);
  nowMs += 10_000;
  assert.deepEqual([memory.has(route, at("/x")), memory.has(route, at("/x"))], [false, true]);
});

test("the paths of a prefix are bounded; the least recently used one goes first", () => {
  const memory = createNegativeCache(() => 0, 2);
  const route = toRoute("/*", 1_000);
  memory.add(route, at("/a"));
  memory.add(route, at("/b"));
  assert.equal(memory.has(route, at("/a")), true);
  memory.add(route, at("/c"));
  assert.deepEqual(
    ["/a", "/b", "/c"].map((path) => memory.has(route, at(path))),
    [true, false, true],
  );
});

test("a path that is too long to be kept is not remembered", () => {
  const memory = createNegativeCache(() => 0);
  const route = toRoute("/*", 1_000);
  const path = `/${"x".repeat(512)}`;
  memory.add(route, at(path));
  assert.equal(memory.has(route, at(path)), false);
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
      hosts.map((host) => memory.has(route, at("/x", host)) === true),
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
    assert.equal(memory.has(route, at("/a")), false);
    const waits = memory.has(route, at("/a"));
    assert.ok(waits instanceof Promise);
    assert.equal(memory.has(route, at("/b")), false, "another path is another question");
    memory[how](route, at("/a"));
    await waits;
    assert.equal(memory.has(route, at("/a")), expected, how);
    // If the leader found nothing, another caller takes over; once there is a result, no caller waits.
    assert.equal(memory.has(route, at("/a")) instanceof Promise, how === "endTrial", how);
  }
});

test("callers do not wait for a leader that takes too long", async () => {
  let nowMs = 0;
  const memory = createNegativeCache(() => nowMs);
  const route = toRoute("/x", 1_000);
  assert.equal(memory.has(route, at("/x")), false);
  const waits = memory.has(route, at("/x"));
  nowMs = 1_000;
  assert.equal(memory.has(route, at("/x")), false);
  const alive = setInterval(() => undefined, 1_000); // the memory's own timer keeps no process alive
  await waits;
  clearInterval(alive);
});

test("a response that proves nothing does not undo an entry", () => {
  const memory = createNegativeCache(() => 0);
  const route = toRoute("/x", 1_000);
  memory.add(route, at("/x"));
  memory.keep(route, at("/x"));
  memory.endTrial(route, at("/x"));
  assert.equal(memory.has(route, at("/x")), true);
  memory.delete(route, at("/x"));
  assert.equal(memory.has(route, at("/x")), false);
});
