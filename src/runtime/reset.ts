/** The abrupt end of a connection. */

import type { Socket } from "node:net";

/**
 * Resets a connection by its TCP socket `transport`. Over TLS, it does so after the current turn of the event loop.
 *
 * In a callback of its reads, a TLS socket may not lose its TCP socket: Node then frees what OpenSSL still uses, and crashes (SIGSEGV in
 * SSL_get_error, seen with Node 20).
 */
export function resetTransport(transport: Socket, socket: Socket): void {
  if (transport === socket) reset(transport, socket);
  else setImmediate(() => reset(transport, socket));
}

/**
 * Ends a connection with a RST, so that its peer sees it broken. `socket` is the TLS socket above `transport`, or `transport` itself. A
 * unix socket has no RST and is only closed. Throws nothing.
 */
export function reset(transport: Socket, socket: Socket): void {
  if (transport.destroyed) return;
  // While a FIN is on its way libuv refuses to reset, and Node then leaves the handle open for good: its descriptor stays, and the process
  // waits for it at its end.
  if (isEnding(transport) || isEnding(socket)) {
    transport.destroy();
    return;
  }
  try {
    transport.resetAndDestroy();
  } catch {
    transport.destroy(); // a unix socket
  }
}

/** Whether the FIN has been given to the kernel and has not left. A TLS socket gives it past the stream of its TCP socket. */
function isEnding(socket: Socket): boolean {
  return socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
}
