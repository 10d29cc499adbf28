/** Resets a connection. */

import type { Socket } from "node:net";

/** Resets the TCP socket of a TLS socket after this turn, because Node crashes (SIGSEGV) if it happens in a callback of a read. */
export function resetTransport(transport: Socket, socket: Socket): void {
  if (transport === socket) reset(transport);
  else setImmediate(() => (isEnding(socket) ? transport.destroy() : reset(transport)));
}

/**
 * Sends a RST. A unix socket has no reset: the peer sees only its end.
 *
 * Symptom: at full load, a test that had finished did not end before the time limit of its file. Root cause: libuv does not reset a
 * connection whose FIN is on its way; node then leaves the handle open, and waits for it before it exits. Fix: such a connection is
 * closed.
 */
export function reset(socket: Socket): void {
  try {
    if (isEnding(socket)) socket.destroy();
    else socket.resetAndDestroy();
  } catch {
    socket.destroy();
  }
}

/** Whether its FIN is on its way. A TLS socket's FIN is not visible at its TCP socket. */
function isEnding(socket: Socket): boolean {
  return socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
}
