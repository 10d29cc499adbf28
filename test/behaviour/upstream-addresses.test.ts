/** The addresses of upstreams in /status.json, of a headgate that connects to them. */

import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";

import { text } from "../support/responses.ts";
import { startOrigin } from "../support/origin.ts";
import { type Sidecar, startSidecar } from "../support/sidecar.ts";

interface Upstream {
  readonly url: string;
  readonly addresses: readonly {
    readonly address: string;
    readonly connections: number;
    readonly lastError?: { readonly code: string; readonly at: string };
  }[];
}

async function upstreamOf({ adminPort }: Sidecar): Promise<Upstream> {
  const response = await fetch(`http://127.0.0.1:${adminPort}/status.json`);
  const { upstreams } = (await response.json()) as { readonly upstreams: readonly Upstream[] };
  return upstreams[0] ?? assert.fail();
}

const ask = (sidecar: Sidecar): Promise<string> =>
  fetch(`http://127.0.0.1:${sidecar.port}/`).then((response) => response.text());

test("an upstream's address is known before the first request if it needs no lookup, and then has its connections", async (t) => {
  const origin = await startOrigin(t, text("x"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const address = origin.url.replace("http://", "");
  assert.deepEqual((await upstreamOf(sidecar)).addresses, [{ address, connections: 0 }]);
  await ask(sidecar);
  const { url, addresses } = await upstreamOf(sidecar);
  assert.equal(url, origin.url);
  assert.deepEqual(addresses, [{ address, connections: 1 }]);
});

test("a name has all its addresses, and the one that refused has its error", async (t) => {
  const origin = await startOrigin(t, text("x"));
  const port = new URL(origin.url).port;
  const sidecar = await startSidecar(t, { upstream: `http://localhost:${port}` });
  assert.deepEqual((await upstreamOf(sidecar)).addresses, []);
  await ask(sidecar);
  const byAddress = new Map((await upstreamOf(sidecar)).addresses.map((one) => [one.address, one]));
  assert.equal(byAddress.get(`127.0.0.1:${port}`)?.connections, 1);
  // A machine's hosts file may have no IPv6 address for localhost; if it has one, no server listens there.
  const other = byAddress.get(`[::1]:${port}`);
  if (other === undefined) return t.diagnostic("localhost has no ::1 here");
  assert.equal(other.connections, 0);
  assert.ok(other.lastError, JSON.stringify(other));
});

async function failed(t: TestContext, upstream: string): Promise<Upstream> {
  const sidecar = await startSidecar(t, { upstream });
  await ask(sidecar);
  return upstreamOf(sidecar);
}

test("an address that refuses has its last error with the time", async (t) => {
  const { addresses } = await failed(t, "http://127.0.0.1:1");
  assert.equal(addresses[0]?.address, "127.0.0.1:1");
  assert.equal(addresses[0]?.lastError?.code, "connection_refused");
  assert.ok(Math.abs(Date.parse(addresses[0]?.lastError?.at ?? "") - Date.now()) < 60_000);
});

test("a Unix socket is shown by its path", async (t) => {
  const { url, addresses } = await failed(t, "unix:/run/headgate-test/none.sock");
  assert.equal(url, "unix:/run/headgate-test/none.sock");
  assert.equal(addresses[0]?.address, "unix:/run/headgate-test/none.sock");
  assert.equal(addresses[0]?.lastError?.code, "connection_refused");
});
