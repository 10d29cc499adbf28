import assert from "node:assert/strict";
import test from "node:test";
import { createMovement } from "../../src/runtime/movement.ts";

const LIMIT_MS = 1_000;

/** Checks whenever a check is due, but not before `stoodStillUntilMs`. Returns when the limit was reached. */
function runOut(stoodStillUntilMs = 0): number {
  const movement = createMovement(() => 5);
  movement.restart(0);
  for (let nowMs = 0; ;) {
    nowMs = Math.max(movement.nextMs(0, LIMIT_MS), stoodStillUntilMs);
    assert.equal(movement.check(nowMs), false);
    if (movement.nextMs(0, LIMIT_MS) <= nowMs) return nowMs;
  }
}

test("bytes that do not move reach the limit", () => {
  assert.equal(runOut(), LIMIT_MS);
});

// Symptom: after the machine had stood still for the limit's time, headgate broke off an upload (504) although its upstream went on
// reading.
// Root cause: the limit was over at the first check, which had nothing to compare with.
// Fix: the limit is over after as many checks as it has steps, so that time in which this process did not run counts as one step.
test("a pause of the process counts as one step of the limit", () => {
  assert.equal(runOut(1_200), 1_200 + (LIMIT_MS * 3) / 4);
});

test("each check notices bytes that moved, and starts the limit anew", () => {
  let waiting = 100;
  const movement = createMovement(() => waiting);
  movement.restart(0);
  assert.equal(movement.check(250), false);
  waiting = 90;
  assert.equal(movement.check(500), true);
  assert.equal(movement.nextMs(500, LIMIT_MS), 750);
});
