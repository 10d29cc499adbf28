/**
 * A connection with unsent upload bytes is not reused.
 *
 * Symptom: in the simulation a request timed out of which not a byte had left. The upstream had responded to the request before without
 * reading its upload, and less than 16 KiB of that upload waited in memory, behind a full kernel buffer. Root cause: the upload was
 * completely handed to the socket, which counted as sent; the next request queued behind bytes that the upstream may never read. Fix: a
 * connection returns to the pool only when nothing waits to be written.
 *
 * Over a unix socket, because there the kernel's buffer drains only when the upstream reads.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type Socket, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import test, { type TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import type { UpstreamSocket } from "../../src/upstream/socket.ts";
import { PLAIN_GET, startPool } from "../support/upstream-pool.ts";

const RESPONSE = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const PIECE = Buffer.alloc(4 * 1024);

test("a connection is closed after the response if a part of the upload waits in memory", async (t) => {
  const { pool, accepted, opened } = await start(t);
  const content = toContent();
  const upload = pool.send({ ...PLAIN_GET, method: "POST", framing: "chunked", content });
  const first = await accepted(0);
  do await push(content, PIECE);
  while (opened().isFlushed());
  await finish(content);
  assert.equal(opened().isStuck(), false, "no more than what Node takes without a word");
  first.write(RESPONSE);
  await upload.response;
  await turn(); // the pool checks once more at the end of the turn
  assert.deepEqual(pool.connections(), { idle: 0, active: 0 });
  const next = pool.send(PLAIN_GET);
  (await accepted(1)).write(RESPONSE);
  assert.equal((await next.response).head.status, 200);
});

test("a connection whose upload has left is reused, even if the upstream does not read the upload", async (t) => {
  const { pool, accepted, opened } = await start(t);
  const content = toContent();
  const upload = pool.send({ ...PLAIN_GET, method: "POST", framing: "chunked", content });
  const first = await accepted(0);
  await push(content, PIECE);
  await finish(content);
  assert.equal(opened().isFlushed(), true);
  first.write(RESPONSE);
  await upload.response;
  assert.deepEqual(pool.connections(), { idle: 1, active: 0 });
});

function toContent() {
  return Object.assign(new Readable({ read: () => undefined }), { trailers: [] });
}

async function push(content: Readable, piece: Buffer): Promise<void> {
  content.push(piece);
  do await turn();
  while (content.readableLength > 0);
}

async function finish(content: Readable): Promise<void> {
  content.push(null);
  await once(content, "end");
  await turn();
}

/** A pool, and an upstream that reads no more than the first bytes of each connection. */
async function start(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "headgate-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "upstream.sock");
  const connections: Promise<Socket>[] = [];
  // Node reads on as long as it buffers less than that.
  const server = createServer({ highWaterMark: 1 }, (socket) => {
    socket.on("error", () => undefined);
    connections.push(once(socket, "readable").then(() => socket));
    t.after(() => void socket.destroy());
  });
  await once(server.listen(path), "listening");
  t.after(() => void server.close());

  const sockets: UpstreamSocket[] = [];
  const pool = startPool(t, `unix:${path}`, (resources) => ({
    ...resources,
    connectTo: (to) => (events) => {
      const socket = resources.connectTo(to)(events);
      sockets.push(socket);
      return socket;
    },
  }));
  return {
    pool,
    async accepted(index: number): Promise<Socket> {
      for (;;) {
        const connection = connections[index];
        if (connection !== undefined) return connection;
        await once(server, "connection");
      }
    },
    /** The socket of the first connection. */
    opened(): UpstreamSocket {
      const [socket] = sockets;
      assert.ok(socket !== undefined);
      return socket;
    },
  };
}
