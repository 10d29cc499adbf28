/** A pool of upstream connections alone, without a client's side. */

import assert from "node:assert/strict";
import type { TestContext } from "node:test";

import { resolveConfig } from "../../src/config/resolve.ts";
import { parseRawConfig } from "../../src/config/schema/file.ts";
import type { UpstreamRequest } from "../../src/upstream/call.ts";
import type { ConnectionPool } from "../../src/upstream/pool.ts";
import {
  type UpstreamResources,
  createUpstreamPool,
  createUpstreamResources,
} from "../../src/upstream/upstream-pool.ts";

/** A request with limits that have no effect. */
export const PLAIN_GET: UpstreamRequest = {
  method: "GET",
  path: "/",
  fields: ["Host", "a"],
  framing: "none",
  content: undefined,
  expectsContinue: false,
  takesTrailers: false,
  upgrade: undefined,
  isStrict: false,
  responseContent: "relay",
  responseMs: 60_000,
  idleMs: 60_000,
  owner: undefined,
  onInterim: () => undefined,
};

/** Creates the pool of an upstream; the end of test `t` closes it. `change` may wrap the parts that the pool is built from. */
export function startPool(
  t: TestContext,
  url: string,
  change: (resources: UpstreamResources) => UpstreamResources = (resources) => resources,
): ConnectionPool {
  const { raw } = parseRawConfig({ admin: "off", upstream: url });
  assert.ok(raw?.upstream !== undefined);
  const config = resolveConfig({ ...raw, upstream: raw.upstream }, new Map());
  const upstream = config.upstreams.get("default");
  assert.ok(upstream !== undefined);
  const resources = createUpstreamResources({
    collectGarbage: () => undefined,
    readSystemFile: () => "",
  });
  const pool = createUpstreamPool(upstream, 1, change(resources));
  t.after(() => {
    pool.close();
    resources.close();
  });
  return pool;
}
