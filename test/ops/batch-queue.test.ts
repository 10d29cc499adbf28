import assert from "node:assert/strict";
import test from "node:test";

import { createBatchQueue } from "../../src/ops/log/batch-queue.ts";

test("a full batch is handled at once, in order", () => {
  const done: number[] = [];
  const backlog = createBatchQueue<number>((items) => done.push(...items));
  for (let item = 0; item < 63; item += 1) backlog.add(item);
  assert.deepEqual(done, []);
  backlog.add(63);
  assert.deepEqual(
    done,
    Array.from({ length: 64 }, (_, index) => index),
  );
});

test("a single item is handled soon, and keeps the process alive until then", async () => {
  const items = await new Promise<readonly string[]>((resolve) => {
    createBatchQueue<string>(resolve).add("one");
  });
  assert.deepEqual(items, ["one"]);
});

test("a flush handles the waiting items, and none twice", () => {
  const done: string[] = [];
  const backlog = createBatchQueue<string>((items) => done.push(...items));
  backlog.add("one");
  backlog.flush();
  backlog.flush();
  assert.deepEqual(done, ["one"]);
});
