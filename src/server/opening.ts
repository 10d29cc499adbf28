/** The opening of a connection: everything before HTTP. It is the PROXY protocol header, TLS, and the choice of the version of HTTP. */

import type { Socket } from "node:net";

import { ProxyError } from "../http/errors.ts";
import type { AcceptedConnection, ClientConnection, ServerContext } from "./client-connection.ts";
import { createHttp1Connection } from "./http1/connection.ts";
import type { OpeningStage } from "./server-handler.ts";
import { type Decision, peek } from "./peek.ts";
import { type ClientInfo, toClientPeer } from "./peer.ts";
import { type ProxyProtocol, readProxyHeader } from "./proxy-protocol.ts";
import type { TlsAcceptor } from "./tls-acceptor.ts";

/** What comes before HTTP on the connections of one listener. */
export interface OpeningConfig {
  readonly proxyProtocol: ProxyProtocol | undefined;
  readonly tls: TlsAcceptor | undefined;
  /** Whether HTTP/2 is served: with TLS as ALPN chooses, without TLS to clients that begin with its preface. */
  readonly http2: boolean;
}

/** A connection on which HTTP begins, and the version of HTTP that it speaks. */
export interface OpenedConnection {
  readonly accepted: AcceptedConnection;
  readonly create: (accepted: AcceptedConnection, context: ServerContext) => ClientConnection;
}

/** Whether HTTP/1.1 begins with the first byte, so that a connection needs no opening. */
export function beginsWithHttp({ proxyProtocol, tls, http2 }: OpeningConfig): boolean {
  return proxyProtocol === undefined && tls === undefined && !http2;
}

/**
 * Reads the opening of a connection, without a time limit. Resolves with undefined if the connection ends before its first byte, or with
 * its PROXY protocol header. Rejects if the client does not begin as the listener expects.
 */
export async function readOpening(
  transport: Socket,
  { proxyProtocol, tls, http2 }: OpeningConfig,
  opening: Opening,
): Promise<OpenedConnection | undefined> {
  if (proxyProtocol !== undefined) {
    opening.stage = "proxy_protocol";
    const clientInfo = await readProxyHeader(transport, proxyProtocol);
    if (clientInfo === undefined) return undefined;
    opening.clientInfo = clientInfo;
  }
  if (transport.readableEnded) return undefined;
  return tls === undefined
    ? openPlain(transport, http2, opening)
    : openSecure(transport, tls, opening);
}

async function openPlain(
  transport: Socket,
  isHttp2Served: boolean,
  opening: Opening,
): Promise<OpenedConnection | undefined> {
  const accepted = {
    socket: transport,
    transport,
    peer: toClientPeer(transport, opening.clientInfo),
  };
  if (!isHttp2Served) return { accepted, create: createHttp1Connection };
  opening.stage = "http2";
  const version = await peek(transport, toVersion);
  if (version === undefined) return undefined;
  return { accepted, create: version === "2" ? await loadHttp2() : createHttp1Connection };
}

async function openSecure(
  transport: Socket,
  tls: TlsAcceptor,
  opening: Opening,
): Promise<OpenedConnection | undefined> {
  const { clientInfo } = opening;
  opening.stage = "tls";
  const first = await peek(transport, toFirstProtocol);
  if (first === undefined) return undefined;
  if (first === "http") {
    const refusal = new ProxyError("tls_required");
    const peer = toClientPeer(transport, clientInfo);
    const accepted = { socket: transport, transport, peer, refusal };
    return { accepted, create: createHttp1Connection };
  }
  const { socket, protocol, tls: seen } = await tls.accept(transport);
  const accepted = {
    socket,
    transport,
    peer: toClientPeer(transport, { ...clientInfo, tls: seen }),
  };
  return { accepted, create: protocol === "h2" ? await loadHttp2() : createHttp1Connection };
}

/** HTTP/2 is loaded at its first connection: most listeners have none. */
async function loadHttp2(): Promise<OpenedConnection["create"]> {
  return (await import("./http2/connection.ts")).createHttp2Connection;
}

/** The beginning of each connection of HTTP/2 (RFC 9113 §3.4). */
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** Tells HTTP/2 from HTTP/1.1: at the first byte that is not the preface's. The preface stays for its reader. */
function toVersion(bytes: Buffer): Decision<"1.1" | "2"> | undefined {
  const begun = bytes.subarray(0, PREFACE.length);
  if (!begun.equals(PREFACE.subarray(0, begun.length))) return { meaning: "1.1", length: 0 };
  return begun.length < PREFACE.length ? undefined : { meaning: "2", length: 0 };
}

/** The content type of a TLS handshake record (RFC 8446 §5.1). */
const HANDSHAKE = 0x16;

/** Tells TLS from plain HTTP by the first byte. Throws for anything else. */
function toFirstProtocol([first = 0]: Buffer): Decision<"tls" | "http"> {
  if (first === HANDSHAKE) return { meaning: "tls", length: 0 };
  if (/[A-Za-z]/.test(String.fromCharCode(first))) return { meaning: "http", length: 0 };
  throw new Error("the first byte is neither TLS nor HTTP");
}

/** A connection that is being opened. It counts as idle. */
export interface Opening extends ClientConnection {
  /** What is to come next. */
  stage: OpeningStage;
  /** What is known of the client so far. */
  clientInfo: ClientInfo;
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
    stage: "tls", // readOpening sets it before it waits
    clientInfo: {},
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
