/** A connection's abrupt end. */

import type { Socket } from "node:net";

/** Sends a RST. A unix socket has none: there its end is all that can be seen. */
export function reset(socket: Socket): void {
  try {
    socket.resetAndDestroy();
  } catch {
    socket.destroy();
  }
}
