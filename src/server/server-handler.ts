/** The types between the server and its handler: requests, responses and limits. */

import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

import type { ClientCertificate } from "../http/certificate.ts";
import type { ProxyError } from "../http/errors.ts";
import type { ReceivedRequest } from "../http/request.ts";
import type { ParsedRequest } from "../http/wire/request-parser.ts";
import type { CountUnacknowledged } from "../runtime/unacknowledged.ts";
import type { WhenFull } from "./admission.ts";

/** Receives the content of a request. Exactly one of `onEnd` and `onGone` ends it. */
export interface RequestReader {
  onChunk(bytes: Buffer): void;
  /** `rawTrailers` follow the content: name, value, name, value, … */
  onEnd(rawTrailers: readonly string[]): void;
  /** The content ends incomplete: the client has left, or its bytes are not valid HTTP. */
  onGone(error: ProxyError): void;
}

/** What TLS told about a client. */
export interface ClientTls {
  /** `TLSv1.3` or `TLSv1.2`. */
  readonly version: string;
  /** The client's certificate, which was verified; undefined if it sent none. */
  readonly certificate: ClientCertificate | undefined;
}

/** The client at the other end of a connection. */
export interface ClientPeer {
  /** The client's address, from a PROXY protocol header if there was one. Undefined for a unix socket. */
  readonly remoteAddress: string | undefined;
  /** Whether it connected to a unix socket of headgate itself. */
  readonly isUnix: boolean;
  /** Whether the address is that of a proxy which does not tell its client. */
  readonly isUnknown: boolean;
  /** Undefined without TLS. */
  readonly tls: ClientTls | undefined;
  isClosed(): boolean;
  onClosed(listener: () => void): void;
}

/** One request. */
export interface ServerRequest extends ParsedRequest {
  /** The same object for all requests of an HTTP/1.1 connection, and another one for each stream of HTTP/2. */
  readonly peer: ClientPeer;
  /** Whether all of its content has arrived. */
  isComplete(): boolean;
  /** Sets the one reader of the content. Until then the content is held, and above 64 KiB the client is paused. */
  read(reader: RequestReader): void;
  /** Detaches the reader. Further content is read and dropped. */
  drop(): void;
  pause(): void;
  resume(): void;
}

/** The client's side of a tunnel. It is paused, and belongs to the caller. */
export interface SwitchedClient {
  readonly stream: Duplex;
  /** The bytes that came behind the request. */
  readonly early: Buffer;
  /** Breaks it off, so that the client sees that. */
  reset(): void;
  /** Sets the listener for a client that breaks it off in a way that the stream reports without an error. */
  onReset(listener: () => void): void;
  /** Bytes that the kernel took and the client has not acknowledged; undefined if the system does not report them. */
  unacknowledged(): number | undefined;
}

/** The response to one request. Texts are written as latin1. */
export interface ServerResponse {
  readonly request: Pick<ServerRequest, "method" | "httpVersion">;
  /** The status of the final response; 0 while there is none. */
  readonly status: number;
  /** False again if it is over and its header section never left, because the client had gone. */
  readonly headersSent: boolean;
  /** Whether content was written. */
  readonly hasContentBegun: boolean;
  /** Whether nothing more can be written. */
  readonly isOver: boolean;
  /** Whether it was written completely, and the kernel has taken all of it. */
  readonly isFinished: boolean;
  /** Whether the connection persists after it. Changes have no effect once the header section is written. */
  keepAlive: boolean;
  /**
   * Writes the header section, which leaves with the first content. Fields are name, value, name, value, …; Date, Connection and
   * Keep-Alive are added.
   */
  writeHead(status: number, reason: string, fields: readonly string[]): void;
  /** Sends the header section now, without content. */
  flushHead(): void;
  /** Sends 100 (Continue) to a client that waits for it. */
  writeContinue(): void;
  /**
   * Sends an interim response (RFC 9110 §15.2). If a client that waits for 100 (Continue) gets none, it may send its content or not, so the
   * connection of HTTP/1.1 ends after the final response.
   */
  writeInterim(status: number, reason: string, fields: readonly string[]): void;
  /** Writes content. Returns false if the caller has to wait for `whenDrained`. A response without content drops the bytes. */
  write(bytes: Buffer | string): boolean;
  /** Whether the kernel has not taken all written bytes yet. */
  isPending(): boolean;
  /** Adds trailers, which are sent behind chunked content: name, value, name, value, … */
  addTrailers(trailers: readonly string[]): void;
  end(text?: string): void;
  whenDrained(resume: () => void): void;
  /**
   * Writes a 101 (RFC 9110 §15.2.2), or over HTTP/2 the 200 that stands for it (RFC 8441 §5), and ends HTTP on the connection or stream.
   * The response is then over. Throws a ProxyError (502) if the client cannot accept the switch, and has then written nothing.
   */
  switchProtocol(reason: string, fields: readonly string[]): SwitchedClient;
  /**
   * Sets the one listener for the failure of the exchange: the client has left (`client_gone`) or sent invalid HTTP, or the server was
   * stopped. If no response has begun and the exchange is not over, a response may still be written. It may be called before `onOver`.
   */
  onGone(listener: (error: ProxyError) => void): void;
  /** Adds a listener for the end of the response, complete or not. */
  onOver(listener: () => void): void;
  /**
   * Ends a response that cannot be completed, so that it does not look complete (RFC 9112 §8). What was written still leaves. The response
   * is over when the kernel has taken all of it.
   */
  breakOff(): void;
  /** Closes the connection at once. Bytes that the kernel has not taken are lost. */
  destroy(): void;
}

/** What a connection begins with, before HTTP. */
export type OpeningStage = "proxy_protocol" | "tls" | "http2";

/** A connection on which HTTP never began. */
export interface Unopened {
  /** What was to come. */
  readonly stage: OpeningStage;
  readonly reason: Error;
  readonly peer: ClientPeer;
}

/** How a client misused its connection of HTTP/2. All but `protocol`, which is any other breach of RFC 9113, are floods. */
export type MisuseKind =
  | "resets"
  | "pings"
  | "settings"
  | "continuations"
  | "invalid_frames"
  | "protocol";

/** A connection of HTTP/2 that headgate closes because of what its client sent. */
export interface Misuse {
  readonly kind: MisuseKind;
  readonly reason: string;
  readonly peer: ClientPeer;
}

/** What the server calls for its requests. No method may throw or reject. */
export interface ServerHandler {
  onRequest(request: ServerRequest, response: ServerResponse): void;
  /** Whether a connection comes from this process itself. Called at the first request of the connection. */
  isOwn?(accepted: Socket): boolean;
  /** Counts written bytes that a client has not acknowledged. Without it, a slow client may look like a client that does not read. */
  readonly countUnacknowledged?: CountUnacknowledged;
  /** Called for each request that the server refuses; `received` may be empty. Returns the request id for the response. */
  onRefused(error: ProxyError, received: ReceivedRequest): string;
  /** Called for each connection that failed before HTTP began on it, but not for one that ended without a byte. */
  onUnopened?(unopened: Unopened): void;
  /** Called once for each connection that its client misused. */
  onMisuse?(misuse: Misuse): void;
}

/** The limits of a server. Times are milliseconds. */
export interface ServerLimits {
  readonly headerMs: number;
  readonly keepAliveMs: number;
  /** How long a client may read nothing of a response that waits for it; 0 = no limit. */
  readonly idleMs: number;
  readonly headerBytes: number;
  /** The largest number of connections at one time; 0 = no limit. */
  readonly connections: number;
  /** What happens to a connection over that limit. Cannot be changed later. */
  readonly whenFull: WhenFull;
}
