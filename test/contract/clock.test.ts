// Durations come from the monotonic clock: a wall clock that jumps (NTP, a suspended machine) fires no limit and prolongs none.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";

const SRC = join(import.meta.dirname, "..", "..", "src");

/** Who may look at the wall clock: what a person reads, a log's time, the Date field (RFC 9110 §6.6.1), the validity of a certificate. */
const READERS = new Set([
  "app.ts",
  "config/load.ts",
  "server/http1/head-cache.ts",
  "ops/log/timestamp.ts",
  "ops/status/recent.ts",
  "ops/status/status.ts",
]);

test("the wall clock is read only for times that people read", () => {
  const files = readdirSync(SRC, { recursive: true, encoding: "utf8" });
  const sources = files.filter((path) => path.endsWith(".ts"));
  const asking = sources.filter((path) =>
    /\bDate\.now\(|\bnew Date\(\)|\bprocess\.hrtime\b/.test(readFileSync(join(SRC, path), "utf8")),
  );
  assert.deepEqual(new Set(asking), READERS);
});
