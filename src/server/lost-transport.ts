/** Whether the TCP socket below TLS has failed without TLS noticing. */

import type { Socket } from "node:net";

import type { AcceptedConnection } from "./client-connection.ts";

/**
 * Creates the check, which returns whether the connection is lost: two checks in a row found no peer. Between them, headgate reads what the
 * client had sent before. A unix socket is never lost.
 *
 * Symptom: after a reset by the client, a TLS connection stayed open until `timeouts.idle` or `timeouts.keepAlive`, or for good without one.
 * Root cause: TLS writes on its own, such as the session tickets behind the handshake. If such a write fails, it takes the reset from the
 * kernel, and the next read finds an orderly end. Node's TLSWrap does not report the failure, and finishes no later write. node:http2
 * does not read while a write is in progress. On a socket that headgate does not read, libuv does not notice a reset either.
 * Fix: headgate asks the kernel for the peer. A socket that was reset has none.
 */
export function createLostCheck({
  socket,
  transport,
}: Pick<AcceptedConnection, "socket" | "transport">): () => boolean {
  let lostChecks = 0;
  return () => {
    // After headgate's own FIN, the end of the client's side leaves no peer either, but perhaps bytes to read.
    const isLost = socket !== transport && !socket.writableFinished && !hasPeer(transport);
    lostChecks = isLost ? lostChecks + 1 : 0;
    return lostChecks > 1;
  };
}

/** Node has no public name for the handle, and it caches `remoteAddress`. The handle of a unix socket has no such function. */
interface Handle {
  getpeername?(address: object): number;
}

function hasPeer(transport: Socket): boolean {
  const { _handle: handle } = transport as Socket & { readonly _handle?: Handle | null };
  return handle?.getpeername === undefined || handle.getpeername({}) === 0;
}
