/** Compiles the listeners of a configuration: PROXY protocol, TLS and the versions of HTTP that each one serves. */

import type { Config } from "./config/types.ts";
import type { ClientPeer } from "./server/server-handler.ts";
import type { OpeningConfig } from "./server/opening.ts";
import { createTlsAcceptor } from "./server/tls-acceptor.ts";
import { toPeers } from "./snapshot.ts";

/** Compiles how the connections of each listener begin. Session tickets of the previous ones stay valid. Throws OpenSSL's error. */
export function toOpenings(
  { listen, forwarded }: Config,
  previous: readonly OpeningConfig[] = [],
): readonly OpeningConfig[] {
  const toPeer = toPeers({ forwarded });
  const isTrusted = (peer: ClientPeer): boolean => toPeer?.(peer).trusted === true;
  return listen.map(({ tls, proxyProtocol, http2 }, index) => ({
    proxyProtocol:
      proxyProtocol === false ? undefined : { isRequired: proxyProtocol === true, isTrusted },
    tls: tls && createTlsAcceptor(tls, toProtocols(http2), previous[index]?.tls),
    http2,
  }));
}

/** The protocols that ALPN offers, the preferred one first (RFC 7301 §6). */
function toProtocols(http2: boolean): readonly string[] {
  return http2 ? ["h2", "http/1.1"] : ["http/1.1"];
}
