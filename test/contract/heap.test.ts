import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import test from "node:test";

/** Prints the bytes of the young generation before headgate has taken hold of the heap, after that, and under load. */
const SCRIPT = `
  const { getHeapSpaceStatistics } = await import("node:v8");
  const young = () => getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space").space_size;
  const before = young();
  const { createHeap } = await import(process.argv[1]);
  createHeap();
  const idle = young();
  const untilMs = performance.now() + 1_500;
  while (performance.now() < untilMs);
  setTimeout(() => console.log(JSON.stringify([before, idle, young()])), 100);
`;

// In a process of its own: V8 has one heap, and the flags stay set. A V8 that no longer grows that way would cost every
// exchange a fifth of its CPU time, and nothing else would say so.
test("under load the young generation has 4 MiB in each half, and the process still ends by itself", () => {
  const heap = join(import.meta.dirname, "..", "..", "src", "heap.ts");
  const args = ["--import", "tsx", "--input-type=module", "-e", SCRIPT, heap];
  const output = execFileSync(process.execPath, args, { encoding: "utf8", timeout: 60_000 });
  const [before, idle, busy] = JSON.parse(output) as [number, number, number];
  assert.equal(idle, before);
  assert.equal(busy, 8 * 1024 * 1024);
});
