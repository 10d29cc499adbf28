// Symptom: a client got the response, body and cookies of another client, where the upstream's name has several addresses and the
// first one does not connect. `http://localhost` with an app on 127.0.0.1 only was 502 for ever.
// Root cause: Node tries the next address on a new handle and asks for read memory again; it was told "the same again", so the
// new handle had none, and what was parsed was the earlier content of memory that all connections share.
// Fix: memory is given to every handle, and a read that did not replace the mark in it is never parsed.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import test from "node:test";

import { createReadMemory } from "../../src/upstream/read-memory.ts";
import { createNames, namesMissing } from "../support/names.ts";
import { startOrigin } from "../support/origin.ts";
import { startRun } from "../support/process.ts";
import { toRequest } from "../support/request.ts";
import { openWire } from "../support/wire.ts";

for (const first of ["::1", "127.0.0.9"]) {
  test(
    `each client gets its own response when the first address (${first}) refuses`,
    { skip: namesMissing() },
    async (t) => {
      const { through } = createNames(t, { hosts: `${first} app.test\n127.0.0.1 app.test\n` });
      const origin = await startOrigin(t, async (request) => {
        await request.whole;
        // No two are alike, and each is long enough to be read over by the next one only in part.
        const body = `${request.target}:`.repeat(20 + Number(request.target.slice(1)));
        request.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
        if (Number(request.target.slice(1)) % 2 === 0) request.end(); // the next one needs a new connection
      });
      const url = `http://app.test:${origin.port}`;
      const headgate = await startRun(t, ["--upstream", url], through);
      await Promise.all(
        Array.from({ length: 40 }, async (_, index) => {
          const wire = await openWire(t, headgate.port);
          wire.write(toRequest(`GET /${index}`));
          const { status, body } = await wire.readAnswer();
          assert.equal(status, 200);
          assert.equal(body.toString("latin1"), `/${index}:`.repeat(20 + index));
        }),
      );
    },
  );
}

test("a read that the platform did not deliver into the memory is noticed", async (t) => {
  const server = createServer((socket) => void socket.end("HTTP/1.1 200 OK\r\n"));
  server.listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const memory = createReadMemory();
  let asked = 0;
  const socket = connect({
    host: "app.test",
    port,
    lookup: (_name, _options, callback) =>
      callback(
        null,
        ["127.0.0.9", "127.0.0.1"].map((address) => ({ address, family: 4 })),
      ), // oxlint-disable-line unicorn/no-null -- the signature of dns.lookup
    onread: {
      // What went wrong: the second handle, of the second address, gets no memory.
      buffer: () => ((asked += 1) === 1 ? memory.bytes : (undefined as unknown as Buffer)),
      callback(length) {
        socket.emit("told", length, memory.isDelivered(length));
        return true;
      },
    },
  });
  assert.deepEqual(await once(socket, "told"), [17, false]);
  socket.destroy();
});
