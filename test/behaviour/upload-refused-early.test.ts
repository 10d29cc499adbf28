// Symptom: clients got a 413 that came while they were still uploading in 12 to 40 of 100 cases; the others got 502.
// Root cause: an upstream that refuses closes without reading the rest, which makes the kernel send a reset. The next write of the upload
// then failed, and Node destroyed the socket together with the response in its receive buffer.
// Fix: a write that fails ends the writing; the received response is read.

import assert from "node:assert/strict";
import { createServer } from "node:net";
import test, { type TestContext } from "node:test";

import { listenOn } from "../support/listen.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

const REFUSED = "HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nlarge";
const UPLOAD_BYTES = 8 * 1024 * 1024;

/** An upstream that responds at the header section and closes with the content unread, as gunicorn's sync worker does. */
async function startRefusing(t: TestContext): Promise<string> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("readable", () => {
      socket.read();
      socket.write(REFUSED, () => socket.destroy());
    });
  });
  return `http://127.0.0.1:${await listenOn(t, server)}`;
}

for (const expect of ["", "Expect: 100-continue\r\n"]) {
  test(`a refusal that comes with a reset in the middle of an upload reaches the client (${expect.trim() || "no Expect"})`, async (t) => {
    const sidecar = await startSidecar(t, { upstream: await startRefusing(t) });
    for (let round = 0; round < 20; round += 1) {
      const wire = await openWire(t, sidecar.port);
      wire.write(`POST / HTTP/1.1\r\nHost: a\r\n${expect}Content-Length: ${UPLOAD_BYTES}\r\n\r\n`);
      wire.write(Buffer.alloc(UPLOAD_BYTES));
      const { status, body } = await wire.readResponse();
      assert.deepEqual([status, body.toString()], [413, "large"]);
      wire.reset();
    }
  });
}
