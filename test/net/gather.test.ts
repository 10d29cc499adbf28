import assert from "node:assert/strict";
import test from "node:test";
import { setImmediate } from "node:timers/promises";

import { createGather } from "../../src/net/gather.ts";

test("writes of one turn are done at its end, in order, each once", async () => {
  const gather = createGather();
  const done: string[] = [];
  gather(() => done.push("a"));
  await Promise.resolve().then(() => gather(() => done.push("b")));
  assert.deepEqual(done, []);
  await setImmediate();
  assert.deepEqual(done, ["a", "b"]);
  await setImmediate();
  assert.deepEqual(done, ["a", "b"]);
});

test("a write that asks for another gets it in the next turn", async () => {
  const gather = createGather();
  const done: string[] = [];
  gather(() => gather(() => done.push("later")));
  await setImmediate();
  assert.deepEqual(done, []);
  await setImmediate();
  assert.deepEqual(done, ["later"]);
});
