import assert from "node:assert/strict";
import test from "node:test";
import { createTunnelIdle } from "../../src/proxy/tunnel-idle.ts";

const LIMIT_MS = 200;

// Symptom: a tunnel was closed before its limit was over, and at once on a busy machine, after a side had taken all of its bytes.
// Root cause: if no bytes waited at a check, those taken since the check before did not count as movement.
// Fix: they do.
test("the limit begins anew when a side has taken the last of its waiting bytes", async () => {
  const waiting = [5, 3];
  let takenMs = 0;
  // The timers of a tunnel do not keep the process running.
  const running = setInterval(() => {}, 1_000);
  await new Promise<void>((resolve) => {
    const unacknowledged = (): number[] => {
      takenMs = performance.now();
      return [waiting.shift() ?? 0, 0];
    };
    createTunnelIdle(LIMIT_MS, unacknowledged, resolve);
  });
  clearInterval(running);
  const quietMs = performance.now() - takenMs;
  assert.ok(quietMs >= LIMIT_MS, `idle after ${quietMs} ms`);
});
