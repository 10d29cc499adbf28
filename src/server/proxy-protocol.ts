/** Reads the PROXY protocol header with which a connection begins. */

import type { Socket } from "node:net";

import { mayBeProxyHeader, parseProxyHeader } from "../http/wire/proxy-header.ts";
import type { ClientPeer } from "./server-handler.ts";
import { peek } from "./peek.ts";
import { type ClientInfo, toClientPeer } from "./peer.ts";

/** Which connections of a listener begin with a header. */
export interface ProxyProtocol {
  /** Whether each connection has to. Otherwise a trusted peer may come with one, and the first bytes of others are none. */
  readonly isRequired: boolean;
  /** Whether a peer may say who its client is. */
  isTrusted(peer: ClientPeer): boolean;
}

/**
 * Reads the header and leaves the bytes behind it to the next reader. Resolves with undefined if the connection ends without a byte: the
 * health check of a load balancer may. Rejects if the header is missing, malformed or not allowed.
 */
export async function readProxyHeader(
  transport: Socket,
  { isRequired, isTrusted }: ProxyProtocol,
): Promise<ClientInfo | undefined> {
  const mayTell = isTrusted(toClientPeer(transport));
  if (!mayTell && !isRequired) return {};
  return peek<ClientInfo>(transport, (bytes) => {
    if (!mayTell) throw new Error("the peer is not in forwarded.trust");
    if (!isRequired && !mayBeProxyHeader(bytes)) return { meaning: {}, length: 0 };
    const header = parseProxyHeader(bytes);
    return header && { meaning: { client: header.client }, length: header.length };
  });
}
