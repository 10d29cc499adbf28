import assert from "node:assert/strict";
import test from "node:test";

import { type HealthSources, toHealth } from "../../src/ops/status/health.ts";

const AT = "2024-05-06T07:08:09.123Z";

const upstream = (name: string, state: "unused" | "up" | "failing") => ({
  name,
  state,
  lastError:
    state === "failing"
      ? { at: AT, code: "connection_refused", title: "The upstream refused the connection" }
      : undefined,
});

const healthOf = (changes: Partial<HealthSources>) =>
  toHealth({
    state: "ready",
    upstreams: [upstream("app", "up"), upstream("spare", "unused")],
    failedReload: undefined,
    ...changes,
  });

test("health is ok if headgate is ready, the last reload succeeded, and no upstream fails", () => {
  assert.deepEqual(healthOf({}), { state: "ok", summary: "ready", reasons: [] });
});

test("a failed reload degrades health, and so does a headgate that takes no traffic", () => {
  assert.deepEqual(
    healthOf({ failedReload: { at: AT, errors: ["a.yaml:1:1: is wrong", "another"] } }),
    {
      state: "degraded",
      summary: "reload failed",
      reasons: [
        "The reload at 07:08:09 UTC failed, and the configuration from before is in use: a.yaml:1:1: is wrong (and 1 more)",
      ],
    },
  );
  for (const state of ["starting", "draining"] as const)
    assert.deepEqual(healthOf({ state }), {
      state: "degraded",
      summary: state,
      reasons: [`headgate is ${state}`],
    });
});

test("an upstream that fails makes health failing, and comes before lesser reasons", () => {
  assert.deepEqual(
    healthOf({
      upstreams: [upstream("app", "failing")],
      failedReload: { at: AT, errors: ["x"] },
      state: "draining",
    }),
    {
      state: "failing",
      summary: "upstream failing, reload failed, draining",
      reasons: [
        "Upstream app is failing: The upstream refused the connection (connection_refused), last at 07:08:09 UTC",
        "The reload at 07:08:09 UTC failed, and the configuration from before is in use: x",
        "headgate is draining",
      ],
    },
  );
});

test("if many upstreams fail the first are named, and all are counted", () => {
  const upstreams = Array.from({ length: 50 }, (_, index) => upstream(`u${index}`, "failing"));
  const { summary, reasons } = healthOf({ upstreams });
  assert.equal(summary, "50 upstreams failing");
  assert.equal(reasons.length, 4);
  assert.equal(reasons[3], "47 more upstreams are failing");
});
