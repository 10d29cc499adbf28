import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import test, { type TestContext } from "node:test";
import type { TunnelRequest } from "../../src/net/tunnel.ts";
import {
  answerHead,
  breakOf,
  readAll,
  readBytes,
  readHead,
  startClient,
  startDoor,
  startRawUpstream,
  SWITCHED,
  UPGRADE,
} from "../support/upgrade.ts";

test("a client that leaves before the 101, by FIN or RST, frees the upstream at once", async (t) => {
  for (const leave of ["end", "destroy", "resetAndDestroy"] as const) {
    for (const early of ["", "early bytes"]) {
      const upstream = await startRawUpstream(t, () => {});
      const door = await startDoor(t, upstream.config);
      const seen = upstream.nextHead();
      const client = await startClient(t, door.port, UPGRADE + early);
      await seen;
      client[leave]();
      assert.equal(await readAll(upstream.sockets[0] ?? assert.fail()), "");
      assert.equal((await door.ended()).error?.code, "client_gone");
      assert.equal(door.tunnels.count(), 0);
    }
  }
});

test("a client that leaves while the upstream is being connected frees it too", async (t) => {
  // Nothing answers the TLS handshake, so the connection never stands.
  const upstream = await startRawUpstream(t, () => {});
  const url = { ...upstream.config.url, protocol: "https:" } as const;
  const door = await startDoor(t, { ...upstream.config, url });
  const connected = once(upstream.server, "connection") as Promise<[Socket]>;
  const client = await startClient(t, door.port, UPGRADE);
  const [socket] = await connected;
  client.resetAndDestroy();
  await readAll(socket);
  assert.equal((await door.ended()).error?.code, "client_gone");
});

test("a reset of the client resets the upstream", async (t) => {
  const { client, upstream, door } = await startTunnel(t);
  client.resetAndDestroy();
  assert.equal(await breakOf(upstream), "connection_terminated");
  const { end } = await door.ended();
  assert.deepEqual([end?.reason, end?.error?.code], ["broken", "client_gone"]);
});

test("a reset of the upstream resets the client", async (t) => {
  const { client, upstream, door } = await startTunnel(t);
  upstream.resetAndDestroy();
  assert.equal(await breakOf(client), "connection_terminated");
  const { end } = await door.ended();
  assert.deepEqual([end?.reason, end?.error?.code], ["broken", "connection_terminated"]);
});

test("a reset behind bytes that the other side does not take frees both at the idle limit", async (t) => {
  // The door has stopped reading for want of room, and a socket that nobody reads does not report its reset.
  for (const who of ["client", "upstream"] as const) {
    const tunnel = await startTunnel(t, { idleMs: 300 });
    const [leaver, other] =
      who === "client" ? [tunnel.client, tunnel.upstream] : [tunnel.upstream, tunnel.client];
    leaver.write(Buffer.alloc(2 ** 25));
    const [doorside] = tunnel.door.clients;
    if (who === "upstream") while (!doorside?.writableNeedDrain) await new Promise(setImmediate);
    leaver.resetAndDestroy();
    assert.match((await tunnel.door.ended()).end?.reason ?? "", /^(?:idle|broken)$/);
    await breakOf(other);
  }
});

test("a FIN passes through and leaves the other direction open, both ways", async (t) => {
  for (const first of ["client", "upstream"] as const) {
    const tunnel = await startTunnel(t);
    const [a, b] =
      first === "client" ? [tunnel.client, tunnel.upstream] : [tunnel.upstream, tunnel.client];
    a.end("last words");
    assert.equal(await readAll(b), "last words");
    b.write("still ");
    assert.equal(await readBytes(a, 6), "still ");
    b.end("here");
    assert.equal(await readAll(a), "here");
    const { end } = await tunnel.door.ended();
    assert.deepEqual([end?.reason, end?.error], ["closed", undefined]);
    assert.equal((end?.bytesFromClient ?? 0) + (end?.bytesFromUpstream ?? 0), 20);
  }
});

test("what was sent before a FIN arrives whole, however slow the reader is", async (t) => {
  const { client, upstream, door } = await startTunnel(t);
  const size = 30 * 2 ** 20;
  client.end();
  upstream.end(Buffer.alloc(size, "x"));
  await readAll(upstream);
  assert.equal((await readAll(client)).length, size);
  assert.equal((await door.ended()).end?.reason, "closed");
});

test("a half-open tunnel is closed by the idle limit", async (t) => {
  const { client, upstream, door } = await startTunnel(t, { idleMs: 100 });
  upstream.end();
  await readAll(client);
  assert.equal((await door.ended()).end?.reason, "idle");
  await readAll(upstream);
});

test("a tunnel without a byte for the idle limit is closed, one byte in either direction keeps it", async (t) => {
  const idleMs = 400;
  const { client, upstream, door } = await startTunnel(t, { idleMs });
  const started = performance.now();
  for (let i = 0; i < 8; i++) {
    await new Promise((resolve) => setTimeout(resolve, idleMs / 4));
    const [from, to] = i % 2 === 0 ? [client, upstream] : [upstream, client];
    from.write("x");
    await readBytes(to, 1);
  }
  await readAll(client);
  const { end } = await door.ended();
  assert.deepEqual([end?.reason, end?.bytesFromClient, end?.bytesFromUpstream], ["idle", 4, 4]);
  assert.ok(performance.now() - started > 2 * idleMs);
});

test("closeAll ends tunnels, refusals and unanswered upgrades alike", async (t) => {
  const open = await startTunnel(t);
  open.door.tunnels.closeAll();
  assert.equal((await open.door.ended()).end?.reason, "shutdown");
  await Promise.all([readAll(open.client), readAll(open.upstream)]);

  const silent = await startRawUpstream(t, () => {});
  const waiting = await startDoor(t, silent.config);
  const seen = silent.nextHead();
  const client = await startClient(t, waiting.port, UPGRADE);
  await seen;
  assert.equal(waiting.tunnels.count(), 1);
  waiting.tunnels.closeAll();
  assert.match(await readAll(client), /^HTTP\/1.1 503 /);
  assert.equal((await waiting.ended()).error?.status, 503);
  assert.equal(waiting.tunnels.count(), 0);
  await readAll(silent.sockets[0] ?? assert.fail());

  const refusing = await startRawUpstream(
    t,
    answerHead("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na"),
  );
  const door = await startDoor(t, refusing.config);
  const refused = await startClient(t, door.port, UPGRADE);
  await readHead(refused);
  door.tunnels.closeAll();
  assert.equal((await door.ended()).end?.reason, "shutdown");
  await readAll(refused);
});

test("tunnels are counted from the request to the end", async (t) => {
  const { client, door } = await startTunnel(t);
  assert.equal(door.tunnels.count(), 1);
  client.resetAndDestroy();
  await door.ended();
  assert.equal(door.tunnels.count(), 0);
});

test("a caller that throws when told of the switch leaves no socket behind", async (t) => {
  const upstream = await startRawUpstream(t, answerHead(SWITCHED));
  const onSwitched = (): never => {
    throw new Error("told");
  };
  const door = await startDoor(t, upstream.config, { onSwitched });
  const client = await startClient(t, door.port, UPGRADE);
  await readAll(client);
  assert.equal((await door.ended()).error?.code, "proxy_internal_error");
  await readAll(upstream.sockets[0] ?? assert.fail());
});

/** A tunnel that stands; both ends are paused and have nothing unread. */
async function startTunnel(t: TestContext, overrides: Partial<TunnelRequest> = {}) {
  const origin = await startRawUpstream(t, answerHead(SWITCHED));
  const door = await startDoor(t, origin.config, overrides);
  const client = await startClient(t, door.port, UPGRADE);
  await readHead(client);
  return { client, upstream: origin.sockets[0] ?? assert.fail(), door };
}
