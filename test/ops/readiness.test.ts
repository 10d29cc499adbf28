import assert from "node:assert/strict";
import test from "node:test";

import { createReadiness } from "../../src/ops/readiness.ts";

test("readiness goes from starting to ready to draining", () => {
  const readiness = createReadiness();
  assert.equal(readiness.state(), "starting");
  readiness.ready();
  assert.equal(readiness.state(), "ready");
  readiness.drain();
  assert.equal(readiness.state(), "draining");
});

test("a start that ends after the shutdown began does not make the process ready again", () => {
  const readiness = createReadiness();
  readiness.drain();
  readiness.ready();
  assert.equal(readiness.state(), "draining");
});
