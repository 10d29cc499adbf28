/** A connection's abrupt end. */

import type { Socket } from "node:net";

/**
 * Sends a RST. A unix socket has none: there its end is all that can be seen.
 *
 * Symptom: a test that was over did not end, at full load, until its file's time was up. Root cause: libuv does not reset a connection
 * whose FIN is on its way, node then leaves the handle open, and its exit waits for it for ever. Fix: such a one is closed.
 */
export function reset(socket: Socket): void {
  const isEnding = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
  try {
    if (isEnding) socket.destroy();
    else socket.resetAndDestroy();
  } catch {
    socket.destroy();
  }
}
