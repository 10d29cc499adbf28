/** How a connection begins, until HTTP is spoken on it. */

import type { Socket } from "node:net";

import { ProxyError } from "../http/errors.ts";
import type { AcceptedConnection, ClientConnection } from "./connection.ts";
import { peek } from "./peek.ts";
import { toPeer } from "./peer.ts";
import type { TlsAcceptor } from "./tls.ts";

/** What comes before HTTP on the connections of one listener. */
export interface OpeningConfig {
  readonly tls: TlsAcceptor | undefined;
}

/** Whether HTTP/1.1 begins with the first byte, so that a connection needs no opening. */
export function beginsWithHttp({ tls }: OpeningConfig): boolean {
  return tls === undefined;
}

/** Opens a connection, without a time limit. Rejects if the client does not begin as the listener expects. */
export async function open(transport: Socket, { tls }: OpeningConfig): Promise<AcceptedConnection> {
  if (tls === undefined) return { socket: transport, transport, peer: toPeer(transport) };
  if ((await peek(transport, toFirstProtocol)) === "http") {
    const refusal = new ProxyError("tls_required");
    return { socket: transport, transport, peer: toPeer(transport), refusal };
  }
  const secure = await tls.accept(transport);
  return { socket: secure.socket, transport, peer: toPeer(transport, { tls: secure.tls }) };
}

/** The content type of a TLS handshake record (RFC 8446 §5.1). */
const HANDSHAKE = 0x16;

/** Tells TLS from plain HTTP by the first byte. Throws for anything else. */
function toFirstProtocol([first = 0]: Buffer): { meaning: "tls" | "http"; length: 0 } {
  if (first === HANDSHAKE) return { meaning: "tls", length: 0 };
  if (/[A-Za-z]/.test(String.fromCharCode(first))) return { meaning: "http", length: 0 };
  throw new Error("the first byte is neither TLS nor HTTP");
}

/** A connection that is being opened: it is closed if that takes too long, and counts as idle. */
export function createOpening(transport: Socket, headerMs: number): ClientConnection {
  const deadlineMs = performance.now() + headerMs;
  const destroy = (): void => void transport.destroy();
  return {
    isAdmitted: false,
    isBusy: () => false,
    inFlight: () => 0,
    destroy,
    drain: () => undefined,
    close: destroy,
    check(nowMs) {
      if (nowMs >= deadlineMs) destroy();
    },
  };
}
