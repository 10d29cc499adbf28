import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import test from "node:test";
import { compileFiles } from "../../scripts/compile.mjs";

const [HEAP = ""] = await compileFiles(["src/runtime/heap.ts"]);

/** Prints the MiB of one half of the young generation before headgate has taken hold of the heap, after that, and under load. */
const SCRIPT = `
  const { getHeapSpaceStatistics } = await import("node:v8");
  const young = () => {
    const space = getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space");
    return Math.round((space.space_used_size + space.space_available_size) / 2 ** 20);
  };
  const before = young();
  const { createHeap } = await import(process.argv[1]);
  createHeap().tune();
  const idle = young();
  const deadlineMs = performance.now() + 20_000;
  const load = setInterval(() => {
    const untilMs = performance.now() + 50;
    while (performance.now() < untilMs);
    if (young() === idle && untilMs < deadlineMs) return;
    clearInterval(load);
    console.log(JSON.stringify([before, idle, young()]));
  }, 10);
`;

// In a process of its own: V8 has one heap, and the flags stay set. If a V8 no longer grew that way, every exchange would cost a fifth more
// CPU time, and no other test would fail.
test("under load the young generation has 4 MiB in each half, and the process still exits by itself", () => {
  const args = ["--input-type=module", "-e", SCRIPT, HEAP];
  const output = execFileSync(process.execPath, args, { encoding: "utf8", timeout: 60_000 });
  const [before, idle, busy] = JSON.parse(output) as [number, number, number];
  assert.equal(idle, before);
  assert.equal(busy, 4);
});
