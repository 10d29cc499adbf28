/** Waits until headgate has accepted requests that do not reach an upstream. */

import assert from "node:assert/strict";

const PATIENCE_MS = 15_000;

/** Resolves when exactly `count` requests are in progress, by the metrics of that admin port. */
export async function untilInFlight(adminPort: number, count: number): Promise<void> {
  const untilMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${adminPort}/metrics`);
    const gauge = /^headgate_requests_in_flight (\d+)$/m.exec(await answer.text())?.[1];
    if (Number(gauge) === count) return;
    assert.ok(performance.now() < untilMs, `${gauge} requests are in flight, not ${count}`);
  }
}
