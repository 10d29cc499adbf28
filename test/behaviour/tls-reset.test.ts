/** Clients that come with TLS and reset their connection in a way that TLS does not notice. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { Duplex } from "node:stream";
import test, { type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";

import { createAuthority } from "../support/authority.ts";
import { PREFACE, TYPE, toFrame, toHeaders } from "../support/frames.ts";
import { toRequest } from "../support/request.ts";
import { type Sidecar, startSidecar } from "../support/sidecar.ts";

/** Starts headgate with TLS, and with time limits that end no connection of these tests. The upstream takes and sends nothing. */
async function start(t: TestContext) {
  const authority = createAuthority(t);
  const { certFile, keyFile } = authority.issue({ names: "DNS:a.test" });
  const upstream = createServer({ pauseOnConnect: true }, (socket) => {
    socket.on("error", () => undefined);
    t.after(() => void socket.destroy());
  });
  await once(upstream.listen(0, "127.0.0.1"), "listening");
  t.after(() => void upstream.close());
  const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  const tls = `{ cert: ${certFile}, key: ${keyFile} }`;
  const sidecar = await startSidecar(t, {
    yaml: `
listen: { address: "127.0.0.1:0", http2: true, tls: ${tls} }
upstream: { url: "${url}", responseTimeout: 1h, idleTimeout: 1h }
timeouts: { header: 1h, keepAlive: 1h, idle: 1h }
shutdown: { delay: 0s, grace: 1h }`,
  });
  return { ca: authority.cert, upstream, sidecar };
}

/** Makes a handshake, and sends its last message, `bytes` and a RST together: headgate finds them all at its next look. */
async function resetBehindHandshake(
  t: TestContext,
  { port, ca, protocol }: { port: number; ca: string; protocol: string },
  bytes: Buffer,
): Promise<void> {
  const tcp = connect({ port, host: "127.0.0.1", noDelay: true });
  t.after(() => void tcp.destroy());
  tcp.on("error", () => undefined);
  await once(tcp, "connect");
  const held: Buffer[] = [];
  let isFirst = true;
  const below = new Duplex({
    read: () => undefined,
    write(chunk: Buffer, _encoding, callback) {
      if (isFirst) tcp.write(chunk);
      else held.push(chunk);
      isFirst = false;
      callback();
    },
  });
  tcp.on("data", (chunk) => below.push(chunk));
  const socket = connectTls({ socket: below, ca, servername: "a.test", ALPNProtocols: [protocol] });
  socket.on("error", () => undefined);
  await once(socket, "secureConnect");
  await new Promise<void>((resolve) => void socket.write(bytes, () => resolve()));
  tcp.write(Buffer.concat(held));
  tcp.resetAndDestroy();
}

async function untilNone({ adminPort }: Sidecar): Promise<void> {
  for (;;) {
    const page = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
    const [, count] = /^headgate_client_connections (\d+)$/m.exec(page) ?? [];
    if (count === "0") return;
    await sleep(50);
  }
}

const SETTINGS = Buffer.concat([Buffer.from(PREFACE), toFrame(TYPE.settings, 0, 0)]);

/**
 * Symptom: connections that their clients had reset stayed open until `timeouts.idle` or `timeouts.keepAlive`, and held up the end of the
 * process. Root cause: the failed write of TLS's session tickets takes the reset from the kernel. Node does not report it, and finishes no
 * later write. Fix: headgate asks the kernel for the peer (lost-transport.ts).
 */
for (const [name, protocol, bytes] of [
  ["HTTP/1.1, with half a header section", "http/1.1", Buffer.from("GET /x HT")],
  ["HTTP/1.1, with a request", "http/1.1", Buffer.from(toRequest("GET /x"))],
  ["HTTP/2, with nothing", "h2", Buffer.alloc(0)],
  ["HTTP/2, with SETTINGS", "h2", SETTINGS],
  ["HTTP/2, with a request", "h2", Buffer.concat([SETTINGS, toHeaders(1)])],
] as const)
  test(`a reset right behind the handshake ends the connection: ${name}`, async (t) => {
    const { ca, sidecar } = await start(t);
    for (let round = 0; round < 10; round += 1)
      await resetBehindHandshake(t, { port: sidecar.port, ca, protocol }, bytes);
    await untilNone(sidecar);
    assert.equal(await sidecar.stop(), 0);
  });

test("a reset right behind the handshake does not hold up the end of the process", async (t) => {
  const { ca, sidecar } = await start(t);
  const at = { port: sidecar.port, ca, protocol: "http/1.1" };
  for (let round = 0; round < 10; round += 1)
    await resetBehindHandshake(t, at, Buffer.from("GET /x HT"));
  await sidecar.line((line) => line["error.type"] === "http_request_error");
  assert.equal(await sidecar.stop(), 0);
});

/**
 * Symptom: a client reset its upload, and its connection stayed open until the upstream's time limit. Root cause: libuv does not notice a
 * reset on a socket that headgate does not read. Fix: headgate asks the kernel for the peer.
 */
test("a reset ends a connection over TLS that is not read", async (t) => {
  const { ca, upstream, sidecar } = await start(t);
  const tcp = connect({ port: sidecar.port, host: "127.0.0.1" });
  t.after(() => void tcp.destroy());
  const socket = connectTls({ socket: tcp, ca, servername: "a.test" });
  socket.on("error", () => undefined);
  socket.write(toRequest("POST /x", ["Content-Length: 100000000"]));
  await once(upstream, "connection");
  // So much that headgate stops reading, because the upstream takes nothing.
  const isTaken = new Promise((resolve) => void socket.write(Buffer.alloc(50_000_000), resolve));
  assert.equal(await Promise.race([isTaken, sleep(1_000, "waits")]), "waits");
  tcp.resetAndDestroy();
  await untilNone(sidecar);
});
