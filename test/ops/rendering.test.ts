import assert from "node:assert/strict";
import test from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { createRendering } from "../../src/ops/metrics/rendering.ts";

/** The timer of a rendering does not keep the process alive, so the test does. */
async function keepAlive<T>(waited: Promise<T>): Promise<T> {
  const timer = setInterval(() => undefined, 1_000);
  return waited.finally(() => clearInterval(timer));
}

test("all callers before a rendering begins share it", async () => {
  let renderings = 0;
  const render = createRendering(() => (renderings += 1));
  assert.deepEqual(await Promise.all([render(), render(), render()]), [1, 1, 1]);
  // The next rendering has its pause before it, and callers during the pause wait for it as well.
  const early = render();
  await sleep(10);
  assert.deepEqual(await keepAlive(Promise.all([early, render()])), [2, 2]);
});

test("a caller during a rendering gets the next one, so no result is older than the call", async () => {
  let events = 0;
  let begin = (): void => undefined;
  const begun = new Promise<void>((resolve) => (begin = resolve));
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const render = createRendering(async () => {
    const seen = events;
    begin();
    await ended;
    return seen;
  });
  const first = render();
  await begun;
  events = 1;
  const second = render();
  end();
  assert.deepEqual(await keepAlive(Promise.all([first, second])), [0, 1]);
});

test("with any number of callers renderings have pauses between them", async () => {
  let renderings = 0;
  const render = createRendering(() => (renderings += 1));
  const startedMs = performance.now();
  const asked = Array.from({ length: 5 }, async () => {
    for (let times = 0; times < 5; times += 1) await render();
  });
  await keepAlive(Promise.all(asked));
  assert.equal(renderings, 5);
  assert.ok(performance.now() - startedMs > 4 * 98); // a timer may be a millisecond early
});

test("a rendering that fails fails for its waiting callers only", async () => {
  let fails = true;
  const render = createRendering(() => {
    if (fails) throw new Error("once");
    return "fine";
  });
  const results = await Promise.allSettled([render(), render()]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ["rejected", "rejected"],
  );
  fails = false;
  assert.equal(await keepAlive(render()), "fine");
});
