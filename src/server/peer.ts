/** The client at the other end of a connection. */

import type { Socket } from "node:net";

import type { ProxiedClient } from "../http/wire/proxy-header.ts";
import type { ClientPeer, ClientTls } from "./server-handler.ts";

/** What the opening of a connection told about its client. */
export interface ClientInfo {
  /** The client that a PROXY protocol header names; undefined without a header. */
  readonly client?: ProxiedClient | undefined;
  readonly tls?: ClientTls | undefined;
}

/** Describes the client of an accepted connection. `transport` is its TCP or Unix socket. */
export function toClientPeer(transport: Socket, { client, tls }: ClientInfo = {}): ClientPeer {
  return {
    remoteAddress: toRemoteAddress(transport, client),
    isUnix: isDirect(client) && isUnix(transport),
    isUnknown: client?.kind === "unknown",
    tls,
    isClosed: () => transport.destroyed,
    onClosed: (listener) => void transport.once("close", listener),
  };
}

function toRemoteAddress(transport: Socket, client: ProxiedClient | undefined): string | undefined {
  if (client?.kind === "address") return client.address;
  return client?.kind === "unix" ? undefined : transport.remoteAddress;
}

/** Whether the client itself is at the other end of the socket. A health check's client is the proxy. */
function isDirect(client: ProxiedClient | undefined): boolean {
  return client === undefined || client.kind === "proxy";
}

/** Whether a socket has no address at either end. After a reset by its peer, a TCP socket still has its local address. */
function isUnix(socket: Socket): boolean {
  return socket.remoteAddress === undefined && socket.localAddress === undefined;
}
