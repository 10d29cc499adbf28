/** How an upgrade and its tunnel end: if either side disconnects, both are freed, and the log names the side. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import test, { type TestContext } from "node:test";
import { setTimeout } from "node:timers/promises";
import { connect as connectTls, createServer } from "node:tls";
import { createUnacknowledged } from "../../src/runtime/unacknowledged.ts";
import { createAuthority } from "../support/authority.ts";
import { CERTIFICATE, KEY } from "../support/certificate.ts";
import { listenOn } from "../support/listen.ts";
import { readSlowly, takeFromKernel } from "../support/slow-reader.ts";
import {
  type Door,
  type DoorOptions,
  SWITCHED,
  UPGRADE,
  respondWith,
  closeKindOf,
  readAll,
  readBytes,
  readHead,
  startClient,
  startDoor,
  startRawUpstream,
  startTunnel,
  untilGauges,
} from "../support/upgrade.ts";

test("a client that disconnects before the 101, by FIN or RST, frees the upstream at once", async (t) => {
  const upstream = await startRawUpstream(t, () => {});
  const door = await startDoor(t, upstream.url);
  for (const leave of ["end", "destroy", "resetAndDestroy"] as const) {
    for (const early of ["", "early bytes"]) {
      const seen = upstream.nextHead();
      const client = await startClient(t, door.port, UPGRADE + early);
      await seen;
      client[leave]();
      assert.equal(await readAll(upstream.sockets.at(-1) ?? assert.fail()), "");
      assert.equal((await door.ended())["error.type"], "client_gone");
      await door.untilNothingIsOpen();
    }
  }
});

test("a client that disconnects while headgate connects frees the upstream too", async (t) => {
  // The upstream does not respond to the TLS handshake, so the connection is never established.
  const upstream = await startRawUpstream(t, () => {});
  const door = await startDoor(t, `https://127.0.0.1:${upstream.port}`);
  const connected = once(upstream.server, "connection") as Promise<[Socket]>;
  const client = await startClient(t, door.port, UPGRADE);
  const [socket] = await connected;
  client.resetAndDestroy();
  await readAll(socket);
  assert.equal((await door.ended())["error.type"], "client_gone");
  await door.untilNothingIsOpen();
});

test("a client that disconnects while it waits for a connection frees its slot", async (t) => {
  const upstream = await startRawUpstream(t, respondWith(SWITCHED));
  const door = await startDoor(t, upstream.url, { upstream: "maxConnections: 1" });
  const first = await startClient(t, door.port, UPGRADE);
  await readHead(first);
  const waiting = await startClient(t, door.port, UPGRADE);
  await untilGauges(door.adminPort, { headgate_requests_in_flight: 1 });
  waiting.resetAndDestroy();
  assert.equal((await door.ended())["error.type"], "client_gone");
  first.resetAndDestroy();
  await door.untilNothingIsOpen();
  assert.equal(upstream.sockets.length, 1);
});

test("a reset by the client resets the upstream", async (t) => {
  const { client, upstream, door } = await startTunnel(t);
  client.resetAndDestroy();
  assert.equal(await closeKindOf(upstream), "reset");
  await endsWith(door, "client_gone");
});

test("a reset by the upstream resets the client", async (t) => {
  const { client, upstream, door } = await startTunnel(t);
  upstream.resetAndDestroy();
  assert.equal(await closeKindOf(client), "reset");
  await endsWith(door, "connection_terminated");
});

// Symptom: the end of a tunnel whose upstream was reset together with its last bytes looked orderly to the client.
// Root cause: libuv reports such a reset as an orderly end. Fix: the end is verified, as that of a response without a length is.
test("a reset by the upstream right after bytes is no orderly end", async (t) => {
  const { client, upstream, door } = await startTunnel(t);
  for (let piece = 0; piece < 20; piece += 1) upstream.write(Buffer.alloc(1_000));
  upstream.write("", () => upstream.resetAndDestroy());
  // The client sends nothing: after an orderly end the tunnel would stay open for it. Here libuv hides the reset in the same way.
  await endsWith(door, "connection_terminated");
  await readAll(client);
});

test("a reset after bytes that the other side does not read frees both at the idle limit", async (t) => {
  // headgate has stopped reading because its buffer is full, and a socket that is not read does not report its reset.
  for (const who of ["client", "upstream"] as const) {
    const tunnel = await startTunnel(t, { yaml: "timeouts: { tunnelIdle: 300ms, idle: 300ms }" });
    const [leaver, other] =
      who === "client" ? [tunnel.client, tunnel.upstream] : [tunnel.upstream, tunnel.client];
    leaver.write(Buffer.alloc(2 ** 25));
    leaver.resetAndDestroy();
    await tunnel.door.ended();
    await closeKindOf(other);
    await tunnel.door.untilNothingIsOpen();
  }
});

// Symptom: bytes that a client sent to an upstream that was gone vanished, and the tunnel stayed open while the client sent.
// Root cause: an upstream socket survives a failed write, so that an early refusal of an upload can still be read; the tunnel did not learn
// of it. Fix: a tunnel ends when a write to its upstream fails.
test("a client that sends to an upstream that is gone is reset", async (t) => {
  for (const way of ["after its FIN", "while the client does not read"] as const) {
    const { client, upstream, door } = await startTunnel(t);
    if (way === "after its FIN") {
      upstream.end();
      await readAll(client);
      upstream.destroy();
    } else {
      upstream.write(Buffer.alloc(2 ** 25));
      await once(client, "readable");
      upstream.resetAndDestroy();
    }
    const timer = setInterval(() => client.write("x"), 5);
    const over = door.ended();
    over.finally(() => clearInterval(timer)).catch(() => {});
    assert.equal((await over)["error.type"], "connection_terminated", way);
    await door.untilNothingIsOpen();
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
    await endsWith(tunnel.door, undefined);
  }
});

test("bytes that were sent before a FIN arrive completely, with any slow reader", async (t) => {
  const { client, upstream, door } = await startTunnel(t);
  const size = 30 * 2 ** 20;
  client.end();
  upstream.end(Buffer.alloc(size, "x"));
  await readAll(upstream);
  assert.equal((await readAll(client)).length, size);
  await endsWith(door, undefined);
});

// Symptom: the end of a TLS upstream in one piece with its 101 was lost, and the tunnel stayed open until its idle limit.
// Root cause: Node reports the end of a TLS stream even while it is paused, and no side of the tunnel listened yet.
// Fix: the end waits for its reader.
test("a tunnel over TLS ends like any other: a FIN both ways, a reset by the client", async (t) => {
  const { url, sockets } = await startTlsUpstream(t, (socket) => socket.end(`${SWITCHED}hello`));
  const door = await startDoor(t, url, { upstream: "tls: { verify: false }" });
  // http-proxy is loaded meanwhile, the first time.
  for (let round = 0; round < 3; round += 1) {
    const client = await startClient(t, door.port, UPGRADE);
    assert.equal(await readHead(client), SWITCHED);
    assert.equal(await readAll(client), "hello");
    const socket = sockets[round] ?? assert.fail();
    if (round < 2) {
      client.end("bye");
      assert.equal(await readAll(socket), "bye");
      await endsWith(door, undefined);
    } else {
      client.resetAndDestroy();
      await closeKindOf(socket);
      await endsWith(door, "client_gone");
    }
  }
});

// Symptom: over TLS, the reset of one side of a tunnel reached the other as an orderly end. Root cause: over TLS a reset comes after the turn,
// and the tunnel, or http-proxy, closed the connection before. Fix: until the reset, nothing else may close the connection.
test("a reset by the upstream resets the client over TLS", async (t) => {
  const { certFile, keyFile } = createAuthority(t).issue({ names: "DNS:a.test" });
  const upstream = await startRawUpstream(t, respondWith(SWITCHED));
  const listen = `listen: { address: "127.0.0.1:0", tls: { cert: ${certFile}, key: ${keyFile} } }`;
  const door = await startDoor(t, upstream.url, { yaml: listen });
  for (const leave of ["reset", "end"] as const) {
    const client = connectTls({ port: door.port, host: "127.0.0.1", rejectUnauthorized: false });
    client.on("error", () => {}).write(UPGRADE);
    t.after(() => void client.destroy());
    assert.equal(await readHead(client), SWITCHED);
    const socket = upstream.sockets.at(-1) ?? assert.fail();
    if (leave === "reset") socket.resetAndDestroy();
    else socket.end();
    assert.equal(await closeKindOf(client), leave);
    await endsWith(door, leave === "reset" ? "connection_terminated" : undefined);
  }
});

test("a reset by the client resets the upstream over TLS", async (t) => {
  const { url, sockets } = await startTlsUpstream(t, (socket) => socket.write(`${SWITCHED}hello`));
  const door = await startDoor(t, url, { upstream: "tls: { verify: false }" });
  const client = await startClient(t, door.port, UPGRADE);
  assert.equal(await readHead(client), SWITCHED);
  assert.equal(await readBytes(client, 5), "hello");
  client.resetAndDestroy();
  assert.equal(await closeKindOf(sockets[0] ?? assert.fail()), "reset");
  await endsWith(door, "client_gone");
});

// Symptom: a TLS stream that was truncated looked like an orderly end to the client of a tunnel (RFC 9112 §9.8 for responses).
// Root cause: only responses checked how their connection had ended. Fix: tunnels do, too.
test("a tunnel whose TLS upstream ends without close_notify is truncated", async (t) => {
  const { url, transports } = await startTlsUpstream(t, (socket) =>
    socket.write(`${SWITCHED}hello`),
  );
  const door = await startDoor(t, url, { upstream: "tls: { verify: false }" });
  const client = await startClient(t, door.port, UPGRADE);
  assert.equal(await readHead(client), SWITCHED);
  assert.equal(await readBytes(client, 5), "hello");
  transports[0]?.destroy();
  assert.equal(await closeKindOf(client), "reset");
  await endsWith(door, "connection_terminated");
});

test("a half-open tunnel is closed by the idle limit", async (t) => {
  const { client, upstream, door } = await startTunnel(t, IDLE);
  upstream.end();
  await readAll(client);
  await endsWith(door, undefined);
  await readAll(upstream);
});

test("a tunnel without a byte for the idle limit is closed; one byte in either direction keeps it open", async (t) => {
  const { client, upstream, door } = await startTunnel(t, { yaml: "timeouts: { tunnelIdle: 2s }" });
  const startedMs = performance.now();
  // Each byte waits for far less than the limit, and all of them for more.
  while (performance.now() - startedMs < 2_500) {
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      from.write("x");
      await readBytes(to, 1);
      await setTimeout(50);
    }
  }
  await readAll(client);
  await endsWith(door, undefined);
});

// Symptom: a tunnel whose client read steadily, 16 KiB each 50 ms, was closed by `tunnelIdle: 1s`.
// Root cause: a slow reader's progress is visible only when the kernel has room again, a megabyte later; until then the other side is
// paused, and a paused side counted as silent. Fix: bytes that a side acknowledges count as movement.
test("a side that reads steadily but slowly keeps its tunnel open", async (t) => {
  const size = 32 * 2 ** 20;
  const readOn = async (slow: "client" | "upstream"): Promise<void> => {
    const tunnel = await startTunnel(t, { yaml: "timeouts: { tunnelIdle: 2500ms }" });
    const [from, to] =
      slow === "client" ? [tunnel.upstream, tunnel.client] : [tunnel.client, tunnel.upstream];
    from.write(Buffer.alloc(size));
    let taken = 1_600_000; // four seconds, longer than the limit
    await readSlowly(to, taken);
    assert.equal(tunnel.door.lines.filter((line) => line["msg"] === "tunnel").length, 0);
    for await (const part of to.iterator({ destroyOnReturn: false })) {
      taken += (part as Buffer).length;
      if (taken >= size) break;
    }
    assert.equal(taken, size);
    tunnel.client.resetAndDestroy();
    await endsWith(tunnel.door, "client_gone");
  };
  await Promise.all([readOn("client"), readOn("upstream")]);
});

// Symptom: a tunnel was closed by `tunnelIdle: 2500ms` while its client, or its upstream, still read 400 KB/s.
// Root cause: all bytes of a burst were in the kernel, where headgate does not see them being read.
// Fix: a quiet tunnel is idle only if no bytes wait in the kernel, or none of those that wait is acknowledged for the limit.
const notLinux = process.platform === "linux" ? false : "/proc/net/tcp is Linux's";
test(
  "a tunnel whose bytes are all in the kernel is not idle while a side reads them",
  { skip: notLinux },
  async (t) => {
    const size = 2 * 2 ** 20;
    const limitMs = 1_500;
    const readFromKernel = async (slow: "client" | "upstream"): Promise<void> => {
      const tunnel = await startTunnel(t, { yaml: `timeouts: { tunnelIdle: ${limitMs}ms }` });
      const [from, to] =
        slow === "client" ? [tunnel.upstream, tunnel.client] : [tunnel.client, tunnel.upstream];
      // A new count each time: it would use the same table several times.
      const waiting = (): number => {
        const count = createUnacknowledged((path) => readFileSync(path, "latin1"));
        return count({ localPort: to.remotePort ?? 0, remotePort: to.localPort ?? 0 }) ?? 0;
      };
      const pause = async (ms: number): Promise<void> => {
        await setTimeout(ms);
        const ended = tunnel.door.lines.filter((line) => line["http.request.method"] !== undefined);
        assert.deepEqual(ended, [], `the tunnel was closed while its ${slow} read`);
      };
      from.write(Buffer.alloc(size));
      while (waiting() < size / 2) await pause(10);
      for (const beganMs = performance.now(); performance.now() - beganMs < limitMs * 1.5;) {
        takeFromKernel(to);
        await pause(limitMs / 10);
      }
      assert.ok(waiting() > 0, "too few bytes to outlast the limit");
      to.write("still here");
      assert.equal(await readBytes(from, 10), "still here");
      tunnel.client.resetAndDestroy();
      await endsWith(tunnel.door, "client_gone");
    };
    await Promise.all([readFromKernel("client"), readFromKernel("upstream")]);
  },
);

test("a shutdown ends tunnels, refusals and upgrades without a response alike, and counts them", async (t) => {
  const upstream = await startRawUpstream(t, (socket, read) => {
    read.then(
      (head) => {
        if (head.includes("/tunnel")) socket.write(SWITCHED);
        if (head.includes("/refused"))
          socket.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na");
      },
      () => {},
    );
  });
  const door = await startDoor(t, upstream.url, {
    yaml: "shutdown: { delay: 0s, grace: 200ms }",
    expectsErrors: true,
  });
  const clients: Socket[] = [];
  for (const path of ["/tunnel", "/refused", "/silent"]) {
    const seen = upstream.nextHead();
    const client = await startClient(t, door.port, UPGRADE.replace("/chat", path));
    await seen;
    if (path !== "/silent") await readHead(client);
    clients.push(client);
  }
  await untilGauges(door.adminPort, { headgate_tunnels: 1, headgate_requests_in_flight: 2 });
  const stopped = door.stop();
  await Promise.all([...clients, ...upstream.sockets].map((socket) => readAll(socket)));
  assert.equal(await stopped, 3);
});

test("a tunnel is counted as one, and as an active connection, from its 101 to its end", async (t) => {
  const { client, door } = await startTunnel(t);
  const active = 'headgate_upstream_connections{upstream="default",state="active"}';
  await untilGauges(door.adminPort, { headgate_tunnels: 1, [active]: 1 });
  client.resetAndDestroy();
  await door.untilNothingIsOpen();
});

/** A TLS server that responds to each connection's header section with `answer`. */
async function startTlsUpstream(t: TestContext, answer: (socket: Socket) => void) {
  const sockets: Socket[] = [];
  const transports: Socket[] = [];
  const options = { key: KEY, cert: CERTIFICATE, allowHalfOpen: true };
  const server = createServer(options as object, (socket) => {
    sockets.push(socket.on("error", () => {}));
    respondWith("", answer)(socket, readHead(socket));
  });
  server.on("connection", (transport: Socket) => transports.push(transport));
  const port = await listenOn(t, server);
  return { url: `https://127.0.0.1:${port}`, sockets, transports };
}

const IDLE: DoorOptions = { yaml: "timeouts: { tunnelIdle: 500ms }" };

/** Waits for the tunnel's end: its line, and that none of its resources is left. */
async function endsWith(door: Door, error: string | undefined): Promise<void> {
  const line = await door.ended();
  assert.deepEqual([line["http.response.status_code"], line["error.type"]], [101, error]);
  await door.untilNothingIsOpen();
}
