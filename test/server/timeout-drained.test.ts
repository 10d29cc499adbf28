import assert from "node:assert/strict";
import { type Socket, connect } from "node:net";
import test from "node:test";
import { setImmediate } from "node:timers/promises";

import { createServer } from "../../src/server/server.ts";
import { toRequest } from "../support/request.ts";

const SIZE = 16 * 1024 * 1024;

// Symptom: a download to a client that read slowly and steadily was cut. Root cause: the time limit of the socket fired, the bytes that
// waited were taken before headgate looked, and no bytes that wait looked like a client that reads nothing. Fix: what the kernel has taken
// meanwhile counts, and so does a limit that was lifted.
test("a response that drains behind the socket's time limit, in the same turn, is not cut", async (t) => {
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
