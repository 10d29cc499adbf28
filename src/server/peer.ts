/** The client at the other end of a connection, as the story of a request sees it. */

import type { Socket } from "node:net";

import type { ClientPeer, ClientTls } from "./exchange.ts";

/** What the beginning of a connection told about its client. */
export interface Introduction {
  /** The client's address from a PROXY protocol header; undefined: the socket's own. */
  readonly address?: string | undefined;
  readonly tls?: ClientTls | undefined;
}

/** Describes the client of an accepted connection. `transport` is its TCP or Unix socket. */
export function toPeer(transport: Socket, { address, tls }: Introduction = {}): ClientPeer {
  return {
    remoteAddress: address ?? transport.remoteAddress,
    isUnix: isUnix(transport),
    tls,
    isClosed: () => transport.destroyed,
    onClosed: (listener) => void transport.once("close", listener),
  };
}

/** Whether a socket has no address at either end. After a reset by its peer, a TCP socket still has its local address. */
function isUnix(socket: Socket): boolean {
  return socket.remoteAddress === undefined && socket.localAddress === undefined;
}
