// The reset of a connection, on real sockets.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, type Socket, createServer } from "node:net";
import test from "node:test";
import { type TLSSocket, createServer as createTlsServer } from "node:tls";

import { resetTransport } from "../../src/runtime/reset.ts";
import { createAuthority } from "../support/authority.ts";
import { openTlsWire } from "../support/wire.ts";

/**
 * Symptom: headgate did not end after SIGTERM, with a processor at 100 %, and each such connection kept its descriptor: a client's TLS
 * connection was reset in the turn in which headgate had ended it. Root cause: libuv refuses to reset a connection whose FIN is on its
 * way, Node then leaves the handle open, and the TCP socket below TLS does not tell that: TLS gives the FIN to the handle itself. Fix:
 * the TLS socket is asked too, and such a connection is closed.
 */
test("a TLS connection that was ended in the same turn is closed, and leaves no handle open", async (t) => {
  const { cert, key } = createAuthority(t).issue({ names: "DNS:a.test" });
  const secure = createTlsServer({ cert, key });
  let transport: Socket | undefined;
  const listener = createServer({ allowHalfOpen: true }, (socket) => {
    transport = socket;
    secure.emit("connection", socket);
  });
  t.after(() => listener.close());
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const accepted = once(secure, "secureConnection") as Promise<[TLSSocket]>;
  const { port } = listener.address() as AddressInfo;
  const wire = await openTlsWire(t, port, { ca: cert, rejectUnauthorized: false });
  const [socket] = await accepted;
  const lower = transport ?? assert.fail();
  const closed = once(socket, "close");
  socket.once("data", () => {
    socket.end("bye");
    resetTransport(lower, socket);
  });
  wire.write("x");
  await closed; // rejects with EINVAL where libuv has refused the reset
  assert.ok(lower.destroyed);
});
