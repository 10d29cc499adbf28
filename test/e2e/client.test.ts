// uvicorn believes X-Forwarded-* from 127.0.0.1 by default, which is where a sidecar sits. There the fields that headgate forwards become
// `request.client.host`, so an app's address checks and logs depend on headgate's.

import assert from "node:assert/strict";
import { after, before, it } from "node:test";

import { type Stack, curl, describeReal, startStack } from "./stack.ts";

// Linux has all of 127.0.0.0/8, so that one machine can play both the load balancer and a stranger.
const PROXY = "127.0.0.1";
const STRANGER = "127.0.0.2";
const unless = process.platform === "linux" ? undefined : "needs Linux's loopback addresses";

describeReal(
  "the client that a real FastAPI sees",
  () => {
    let stack: Stack;
    before(async () => {
      stack = await startStack({ yaml: `forwarded: { trust: [${PROXY}] }` });
    });
    after(() => stack.stop());

    const ask = async (url: string, from: string, ...args: readonly string[]): Promise<Who> =>
      JSON.parse(await curl("--interface", from, ...args, `${url}/who`)) as Who;

    it("is the one that X-Forwarded-For names, without headgate", async () => {
      const { client } = await ask(stack.direct, PROXY, "-H", "X-Forwarded-For: 203.0.113.7");
      assert.equal(client, "203.0.113.7");
    });

    it("is the one that connects to headgate", async () => {
      assert.equal((await ask(stack.proxied, STRANGER)).client, STRANGER);
    });

    it("is the peer, if a stranger sends another address", async () => {
      for (const forged of [
        "X-Forwarded-For: 203.0.113.7",
        "x-forwarded-for: 127.0.0.1, 203.0.113.7",
      ]) {
        assert.equal((await ask(stack.proxied, STRANGER, "-H", forged)).client, STRANGER);
      }
    });

    it("is not on https because a stranger says so", async () => {
      const forged = [
        "-H",
        "X-Forwarded-Proto: https",
        "-H",
        "Forwarded: for=203.0.113.7;proto=https",
      ];
      const { scheme, fields } = await ask(stack.proxied, STRANGER, ...forged);
      assert.equal(scheme, "http");
      assert.equal(
        fields.some(([name]) => name === "forwarded"),
        false,
      );
    });

    it("is the one that a trusted proxy names, on the scheme that it names", async () => {
      const told = ["-H", "X-Forwarded-For: 203.0.113.7", "-H", "X-Forwarded-Proto: https"];
      const { client, scheme, fields } = await ask(stack.proxied, PROXY, ...told);
      assert.equal(scheme, "https");
      assert.deepEqual(
        fields.filter(([name]) => name === "x-forwarded-for"),
        [["x-forwarded-for", `203.0.113.7, ${PROXY}`]],
      );
      assert.equal(client, "203.0.113.7");
    });
  },
  unless,
);

interface Who {
  readonly client: string;
  readonly scheme: string;
  readonly fields: readonly (readonly [string, string])[];
}
