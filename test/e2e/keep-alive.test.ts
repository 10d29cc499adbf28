// uvicorn closes a connection that was idle for 5 s, and its responses do not say so (no Keep-Alive field). A proxy that sends the next
// request on such a connection turns that into 502s. Here uvicorn closes after 1 s, well before headgate would.

import assert from "node:assert/strict";
import { after, before, it } from "node:test";

import { type Stack, curl, describeReal, startStack } from "./stack.ts";

describeReal("a uvicorn that closes idle connections first", () => {
  let stack: Stack;
  before(async () => {
    stack = await startStack({ keepAlive: 1 });
  });
  after(() => stack.stop());

  for (const method of ["GET", "HEAD"]) {
    it(`the ${method} after the pause gets a response as if nothing had happened`, async () => {
      const ask = async (): Promise<number> =>
        (await fetch(`${stack.proxied}/health`, { method })).status;
      assert.equal(await ask(), 200);
      assert.equal(await idleConnections(), 1);
      while ((await idleConnections()) > 0); // until uvicorn has closed it
      assert.equal(await ask(), 200);
    });
  }

  async function idleConnections(): Promise<number> {
    const metrics = await curl(`${stack.admin}/metrics`);
    const sample = /^headgate_upstream_connections\{.*state="idle".*\} (\d+)$/m.exec(metrics);
    assert.ok(sample !== null, "the metric is there");
    return Number(sample[1]);
  }
});
