import assert from "node:assert/strict";
import test from "node:test";
import { setImmediate } from "node:timers/promises";

import { createBatchWrites } from "../../src/runtime/batch-writes.ts";

test("writes of one turn happen at its end, in order, each once", async () => {
  const batchWrites = createBatchWrites();
  const done: string[] = [];
  batchWrites(() => done.push("a"));
  await Promise.resolve().then(() => batchWrites(() => done.push("b")));
  assert.deepEqual(done, []);
  await setImmediate();
  assert.deepEqual(done, ["a", "b"]);
  await setImmediate();
  assert.deepEqual(done, ["a", "b"]);
});

test("a write that requests another one gets it in the next turn", async () => {
  const batchWrites = createBatchWrites();
  const done: string[] = [];
  batchWrites(() => batchWrites(() => done.push("later")));
  await setImmediate();
  assert.deepEqual(done, []);
  await setImmediate();
  assert.deepEqual(done, ["later"]);
});
