// Symptom: a client that reads 16 KiB each 50 ms was cut by `idleTimeout: 2s`, and so was an upload to an upstream that reads that slowly.
// Root cause: a paused side counted as silent; and the kernel takes megabytes at once and then nothing for seconds, so a write that waits
// looked like a peer that does not read.
// Fix: while the client does not read, the upstream's limit does not count; while bytes wait, bytes that the peer acknowledges do.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type Socket, connect, createServer } from "node:net";
import test, { type TestContext, describe, it } from "node:test";

import { readSystemFile } from "../../src/config/files.ts";
import { createUnacknowledged } from "../../src/runtime/unacknowledged.ts";
import { listenOn } from "../support/listen.ts";
import { startOrigin } from "../support/origin.ts";
import { startSidecar } from "../support/sidecar.ts";
import { readSlowly } from "../support/slow-reader.ts";
import { openWire } from "../support/wire.ts";

const BYTES = 9 * 1024 * 1024;
const HOST = "Host: a\r\n";

/** If the system does not report what a peer has acknowledged, such a peer is cut as nginx and HAProxy cut it. */
const skip = process.platform === "linux" ? false : "/proc/net/tcp is Linux's";

async function listen(t: TestContext, speak: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    t.after(() => void socket.destroy());
    speak(socket);
  });
  return listenOn(t, server);
}

// Each waits for half a minute without work.
void describe("a slow reader", { skip, concurrency: true }, () => {
  it("an upload to an upstream that always reads slowly is not cut", async (t) => {
    const port = await listen(t, (socket) => {
      readSlowly(socket, BYTES).then(
        () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        () => undefined,
      );
    });
    const sidecar = await startSidecar(t, {
      yaml: `upstream: { url: "http://127.0.0.1:${port}", idleTimeout: 2500ms }`,
    });
    const wire = await openWire(t, sidecar.port);
    wire.write(`PUT / HTTP/1.1\r\n${HOST}Content-Length: ${BYTES}\r\n\r\n`);
    wire.write(Buffer.alloc(BYTES));
    await sidecar.line((line) => line["http.response.status_code"] !== undefined);
    assert.equal((await wire.readResponse()).status, 200);
  });

  it("a download to a client that always reads slowly is not cut", async (t) => {
    const origin = await startOrigin(t, (request) => {
      request.write(`HTTP/1.1 200 OK\r\nContent-Length: ${BYTES}\r\n\r\n`);
      request.write(Buffer.alloc(BYTES));
    });
    const sidecar = await startSidecar(t, {
      yaml: `upstream: { url: "${origin.url}", idleTimeout: 2500ms }\ntimeouts: { idle: 2500ms }`,
    });
    const client = connect(sidecar.port, "127.0.0.1");
    t.after(() => void client.destroy());
    client.write(`GET / HTTP/1.1\r\n${HOST}\r\n`);
    await readSlowly(client, BYTES);
  });
});

test(
  "the bytes that a peer has not acknowledged become fewer when it reads",
  { skip },
  async (t) => {
    let reader: Socket | undefined;
    const port = await listen(t, (socket) => (reader = socket.pause()));
    const writer = connect(port, "127.0.0.1");
    t.after(() => void writer.destroy());
    await once(writer, "connect");
    writer.write(Buffer.alloc(64 * 1024 * 1024));
    const count = createUnacknowledged(readSystemFile);
    const settled = async (): Promise<number> => {
      for (let last = -1; ;) {
        const now = count(writer);
        assert.ok(now !== undefined, "the system tells");
        if (now === last && now > 0) return now;
        last = now;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    const before = await settled();
    reader?.resume();
    while ((count(writer) ?? 0) >= before) await new Promise((resolve) => setImmediate(resolve));
  },
);
