/**
 * A connection is reset also while its TLS ends.
 *
 * Symptom: after a tunnel over TLS, headgate did not exit: the process used a whole processor for ever. Root cause: libuv does not reset a
 * TCP socket whose FIN is on its way, and Node then leaves the handle open; below TLS, the TCP socket does not know that its TLS has ended.
 * Fix: where the TLS has ended, it is closed instead.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { type Socket, connect, createServer } from "node:net";
import test from "node:test";
import { TLSSocket, connect as connectTls, createSecureContext } from "node:tls";

import { resetTransport } from "../../src/runtime/reset.ts";
import { CERTIFICATE, KEY } from "../support/certificate.ts";
import { listenOn } from "../support/listen.ts";

for (const [when, prepare] of [
  ["while the client is idle", () => undefined],
  ["while its bytes wait", (socket: Socket) => void socket.write(Buffer.alloc(1_000_000))],
  ["after its end", (socket: Socket) => void socket.end()],
  ["after its end, behind bytes", (socket: Socket) => void socket.end(Buffer.alloc(1_000_000))],
] as const) {
  test(`a TLS connection that is reset ${when} closes, and its TCP socket with it`, async (t) => {
    const secureContext = createSecureContext({ cert: CERTIFICATE, key: KEY });
    let accept: (sides: { transport: Socket; socket: TLSSocket }) => void;
    const accepted = new Promise<{ transport: Socket; socket: TLSSocket }>((resolve) => {
      accept = resolve;
    });
    const server = createServer({ allowHalfOpen: true }, (transport) => {
      const socket = new TLSSocket(transport, { isServer: true, secureContext });
      for (const one of [transport, socket]) one.on("error", () => undefined);
      socket.once("data", () => accept({ transport, socket }));
    });
    const port = await listenOn(t, server);
    const client = connectTls({
      socket: connect(port, "127.0.0.1"),
      ca: CERTIFICATE,
      servername: "backend.test",
    });
    client.on("error", () => undefined).write("hello");
    t.after(() => void client.destroy());
    const { transport, socket } = await accepted;
    const closed = Promise.all([once(transport, "close"), once(socket, "close")]);
    prepare(socket);
    resetTransport(transport, socket);
    await closed;
    assert.equal(transport.destroyed && socket.destroyed, true);
  });
}
