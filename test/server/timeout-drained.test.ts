import assert from "node:assert/strict";
import { type Socket, connect } from "node:net";
import test from "node:test";
import { setImmediate } from "node:timers/promises";

import { createServer } from "../../src/server/server.ts";
import { toRequest } from "../support/request.ts";

const SIZE = 16 * 1024 * 1024;

// Symptom: a download to a client that read slowly and steadily was cut. Root cause: when the socket's timeout fired, the client had taken
// all waiting bytes before headgate looked, and an empty buffer looked like a client that reads nothing. Fix: bytes that the kernel has
// taken since count as progress, and so does a timeout that was lifted.
test("a response that drains after the socket's timeout, in the same turn, is not cut", async (t) => {
  let onBegun = (): void => {};
  const begun = new Promise<void>((resolve) => (onBegun = resolve));
  const accepted: Socket[] = [];
  const server = createServer(
    {
      onRequest(_request, response) {
        response.writeHead(200, "OK", ["Content-Length", String(SIZE)]);
        assert.equal(response.write(Buffer.alloc(SIZE)), false);
        onBegun();
      },
      isOwn(socket) {
        accepted.push(socket);
        return false;
      },
      onRefused: () => "id",
    },
    {
      headerMs: 60_000,
      keepAliveMs: 60_000,
      idleMs: 60_000,
      headerBytes: 16_384,
      connections: 0,
      whenFull: "refuse",
    },
  );
  const url = new URL(await server.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }));
  const client = connect(Number(url.port), url.hostname).pause();
  t.after(async () => {
    client.destroy();
    server.destroy();
    await server.close();
  });
  client.write(toRequest("GET /"));
  await begun;
  const [socket] = accepted;
  socket?.emit("timeout");
  socket?.emit("drain");
  await setImmediate();
  await setImmediate();
  assert.equal(socket?.destroyed, false);
});
