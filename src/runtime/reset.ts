/** The abrupt end of a connection. */

import type { Socket } from "node:net";

/**
 * Ends a connection with a RST, so that its peer sees it broken. `socket` is the TLS socket above its TCP socket `transport`, or `transport`
 * itself. A unix socket has no RST and is only closed. Throws nothing. Over TLS, the reset comes after the current turn of the event loop.
 *
 * In a callback of its reads, a TLS socket may not lose its TCP socket: Node then frees what OpenSSL still uses, and crashes (SIGSEGV in
 * SSL_get_error, seen with Node 20).
 */
export function resetTransport(transport: Socket, socket: Socket): void {
  if (transport === socket) return reset(transport);
  const release = [transport, socket].map(hold);
  setImmediate(() => {
    for (const one of release) one();
    // The FIN may be on its way, which the TCP socket does not know: its TLS has sent it.
    if (socket.writableEnded) socket.destroy();
    else reset(transport);
  });
}

/**
 * Keeps a socket open until the returned function is called. The caller of a reset closes the connection right after it, and http-proxy ends
 * the other side of a tunnel: their FIN would come in place of the reset.
 */
function hold(socket: Socket): () => void {
  const keep = (): Socket => socket;
  const names = ["end", "destroy", "destroySoon"] as const;
  for (const name of names)
    Object.defineProperty(socket, name, { value: keep, configurable: true });
  return () => {
    for (const name of names) Reflect.deleteProperty(socket, name);
  };
}

function reset(socket: Socket): void {
  if (socket.destroyed) return;
  // While a FIN is on its way libuv refuses to reset, and Node then leaves the handle open for good.
  const isEnding = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
  try {
    if (isEnding) socket.destroy();
    else socket.resetAndDestroy();
  } catch {
    socket.destroy(); // a unix socket
  }
}
