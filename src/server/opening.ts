/** How a connection begins, until HTTP is spoken on it. */

import type { Socket } from "node:net";

import { ProxyError } from "../http/errors.ts";
import type { AcceptedConnection, ClientConnection } from "./connection.ts";
import type { OpeningStage } from "./exchange.ts";
import { peek } from "./peek.ts";
import { type Introduction, toPeer } from "./peer.ts";
import { type ProxyProtocol, readProxyHeader } from "./proxy-protocol.ts";
import type { TlsAcceptor } from "./tls.ts";

/** What comes before HTTP on the connections of one listener. */
export interface OpeningConfig {
  readonly proxyProtocol: ProxyProtocol | undefined;
  readonly tls: TlsAcceptor | undefined;
}

/** Whether HTTP/1.1 begins with the first byte, so that a connection needs no opening. */
export function beginsWithHttp({ proxyProtocol, tls }: OpeningConfig): boolean {
  return proxyProtocol === undefined && tls === undefined;
}

/**
 * Opens a connection, without a time limit. Resolves with undefined if it ends before its first byte, or with its PROXY protocol header.
 * Rejects if the client does not begin as the listener expects.
 */
export async function open(
  transport: Socket,
  { proxyProtocol, tls }: OpeningConfig,
  opening: Opening,
): Promise<AcceptedConnection | undefined> {
  if (proxyProtocol !== undefined) {
    opening.stage = "proxy_protocol";
    const introduction = await readProxyHeader(transport, proxyProtocol);
    if (introduction === undefined) return undefined;
    opening.introduction = introduction;
  }
  const { introduction } = opening;
  if (tls === undefined) {
    if (transport.readableEnded) return undefined;
    return { socket: transport, transport, peer: toPeer(transport, introduction) };
  }
  opening.stage = "tls";
  const first = await peek(transport, toFirstProtocol);
  if (first === undefined) return undefined;
  if (first === "http") {
    const refusal = new ProxyError("tls_required");
    return { socket: transport, transport, peer: toPeer(transport, introduction), refusal };
  }
  const secure = await tls.accept(transport);
  const peer = toPeer(transport, { ...introduction, tls: secure.tls });
  return { socket: secure.socket, transport, peer };
}

/** The content type of a TLS handshake record (RFC 8446 §5.1). */
const HANDSHAKE = 0x16;

/** Tells TLS from plain HTTP by the first byte. Throws for anything else. */
function toFirstProtocol([first = 0]: Buffer): { meaning: "tls" | "http"; length: 0 } {
  if (first === HANDSHAKE) return { meaning: "tls", length: 0 };
  if (/[A-Za-z]/.test(String.fromCharCode(first))) return { meaning: "http", length: 0 };
  throw new Error("the first byte is neither TLS nor HTTP");
}

/** A connection that is being opened. It counts as idle. */
export interface Opening extends ClientConnection {
  /** What is to come next. */
  stage: OpeningStage;
  /** What the connection has told so far. */
  introduction: Introduction;
  /** Reports the reason and closes the connection, unless it is closed already. */
  fail(reason: Error): void;
}

/** Creates the state of a connection that is being opened. It fails if that takes longer than `headerMs`. */
export function createOpening(
  transport: Socket,
  headerMs: number,
  onFailed: (opening: Opening, reason: Error) => void,
): Opening {
  const deadlineMs = performance.now() + headerMs;
  let isOver = false;
  const opening: Opening = {
    stage: "tls",
    introduction: {},
    isAdmitted: false,
    isBusy: () => false,
    inFlight: () => 0,
    destroy,
    drain: () => undefined,
    close: destroy,
    fail(reason) {
      if (!isOver) onFailed(opening, reason);
      destroy();
    },
    check(nowMs) {
      if (nowMs >= deadlineMs)
        opening.fail(new Error(`it took longer than timeouts.header, ${headerMs} ms`));
    },
  };
  return opening;

  function destroy(): void {
    isOver = true;
    transport.destroy();
  }
}
