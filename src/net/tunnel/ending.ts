/** How a socket is broken off. */

import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

/** Breaks a connection off so that the peer sees it broken: RST where the transport has one; TLS and unix sockets do not. */
export function reset(socket: Duplex): void {
  if (socket.destroyed) return;
  // While a FIN is on its way, libuv refuses to reset, and Node then leaves the handle open for good.
  const ending = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
  try {
    if (ending) socket.destroy();
    else (socket as Socket).resetAndDestroy();
  } catch {
    socket.destroy();
  }
}
