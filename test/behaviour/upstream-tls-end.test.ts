// Symptom: a complete response over TLS that ends with the connection was truncated for a client that read slowly.
// Root cause: the order of two `end` events showed whether a close_notify had come. While the reader was paused, the connection's end
// overtook the one of the TLS stream, which is held back until everything before it is read.
// Fix: the moment at which TLS itself reports the end counts, and not the one at which the reader sees it. At that moment libuv still reads
// the connection if the end is a close_notify.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, type Socket, createServer } from "node:net";
import test, { type TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";

import type { UpstreamConfig } from "../../src/config/types.ts";
import { createTlsClient, openTcp } from "../../src/upstream/socket.ts";
import { type Peer, toTlsPeer } from "../support/peer.ts";

const FIRST = "HTTP/1.1 200 OK\r\n\r\n";

/** A TLS connection of headgate's, and the upstream's side of it once that has sent `FIRST`. */
async function connectTls(t: TestContext) {
  const peers: Peer[] = [];
  const accepted: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (raw) => {
    accepted.push(raw);
    raw.on("error", () => undefined);
    const peer = toTlsPeer(raw);
    peer.socket.on("error", () => undefined);
    peer.socket.once("data", () => {
      peers.push(peer);
      peer.socket.write(FIRST);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const raw = openTcp({ host: "127.0.0.1", port }, undefined, {
    onConnected: () => undefined,
    onFailed: (error) => raw.emit("error", error),
  });
  await once(raw, "connect");
  const url = { host: "127.0.0.1", port, protocol: "https:" };
  const upstream = { url, tls: { verify: false } } as UpstreamConfig;
  const { socket, isTruncated } = createTlsClient(upstream)(raw);
  t.after(() => {
    for (const peer of peers) peer.reset();
    socket.destroy();
    raw.destroy();
    server.close();
  });
  await once(socket, "secureConnect");
  socket.write("GET / HTTP/1.1\r\n\r\n");
  await once(socket, "data");
  const [peer] = peers;
  const [far] = accepted;
  assert.ok(peer !== undefined && far !== undefined);
  return { far, socket, isTruncated, peer };
}

const WAYS: Record<string, (peer: Peer) => void> = {
  "with a close_notify": ({ socket }) => void socket.end(),
  "without a close_notify": ({ cut }) => cut(),
};

for (const [way, end] of Object.entries(WAYS)) {
  for (const size of [1, 5_000, 16_384, 40_000, 200_000]) {
    for (const reader of ["reads", "is paused until the connection has ended"]) {
      test(`${size} bytes that end ${way}, while the reader ${reader}`, async (t) => {
        const { far, socket, isTruncated, peer } = await connectTls(t);
        const isPaused = reader !== "reads";
        if (isPaused) socket.pause();
        const received = countBytes(socket);
        peer.socket.write(Buffer.alloc(size, "x"));
        end(peer);
        if (isPaused) {
          await ended(far);
          socket.resume();
        }
        await once(socket, "end");
        assert.equal(received(), size);
        assert.equal(isTruncated(), way === "without a close_notify");
      });
    }
  }
}

for (const [way, end] of Object.entries(WAYS)) {
  test(`an end ${way}, long after the reader was paused and has read everything`, async (t) => {
    const { far, socket, isTruncated, peer } = await connectTls(t);
    socket.pause();
    const received = countBytes(socket);
    // More than the high water mark, which is 16 KiB on Node 20 and 64 KiB on Node 22 and later.
    peer.socket.write(Buffer.alloc(200_000, "x"));
    while (!socket.readableLength || socket.readableLength < socket.readableHighWaterMark)
      await setImmediate();
    socket.resume();
    while (received() < 200_000) await setImmediate();
    end(peer);
    await once(socket, "end");
    assert.equal(far.destroyed, false);
    assert.equal(isTruncated(), way === "without a close_notify");
  });
}

// Symptom: such a response was truncated if a busy process found several TLS records and the close_notify in one read. Root cause: headgate
// checked at each record whether libuv read, even at those after the one at which Node had stopped reading. Fix: the result at that record
// counts for all that came with it.
for (const [way, end] of Object.entries(WAYS)) {
  test(`40000 bytes that end ${way} and are found in one read by a paused reader`, async (t) => {
    const { far, socket, isTruncated, peer } = await connectTls(t);
    socket.pause();
    const received = countBytes(socket);
    const { _handle: handle } = socket as unknown as { readonly _handle: Handle };
    handle.readStop();
    peer.socket.write(Buffer.alloc(40_000, "x"));
    end(peer);
    await ended(far);
    handle.readStart();
    await turns();
    socket.resume();
    await once(socket, "end");
    assert.equal(received(), 40_000);
    assert.equal(isTruncated(), way === "without a close_notify");
  });
}

/** Node's handle of a socket. Meanwhile it reads nothing, as in a process that does not run. */
interface Handle {
  readStop(): void;
  readStart(): void;
}

/** Counts the bytes that are read, and does not begin to read. */
function countBytes(socket: Socket): () => number {
  let count = 0;
  const isPaused = socket.isPaused();
  socket.on("data", (bytes: Buffer) => (count += bytes.length));
  if (isPaused) socket.pause();
  return () => count;
}

/** Waits until the upstream has sent its FIN, and headgate's side has had turns to read it. */
async function ended(far: Socket): Promise<void> {
  if (!far.writableFinished) await once(far, "finish");
  await turns();
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await setImmediate();
}
