/** What the server and its handler give each other: a request, the way to respond, and what limits both. */

import type { Socket } from "node:net";

import type { ProxyError } from "../http/errors.ts";
import type { ReceivedRequest } from "../http/request.ts";
import type { ParsedRequest } from "../http/wire/request-parser.ts";
import type { CountUnacknowledged } from "../runtime/unacknowledged.ts";
import type { WhenFull } from "./admission.ts";

/** Who gets a request's content. Exactly one of `onEnd` and `onGone` ends it. */
export interface RequestReader {
  onChunk(bytes: Buffer): void;
  /** `rawTrailers` follow the content: name, value, name, value, … */
  onEnd(rawTrailers: readonly string[]): void;
  /** It will not become whole: the client has left, or what it sends is not HTTP any more. */
  onGone(error: ProxyError): void;
}

/** Who is at the other end of a connection, for as long as that lasts. */
export interface ClientPeer {
  /** Undefined for a unix socket. */
  readonly remoteAddress: string | undefined;
  isClosed(): boolean;
  onClosed(listener: () => void): void;
}

/** One request. */
export interface ServerRequest extends ParsedRequest {
  /** The same object for all requests of a connection. */
  readonly peer: ClientPeer;
  /** Whether all of its content has come. */
  isWhole(): boolean;
  /** Hands over the content. Until then it is kept, and the client held up; once. */
  read(reader: RequestReader): void;
  /** The reader hears nothing more; what still comes is dropped. */
  drop(): void;
  pause(): void;
  resume(): void;
}

/** The answer to one request. Texts are written as latin1. */
export interface ServerResponse {
  readonly request: Pick<ServerRequest, "method" | "httpVersion">;
  /** Of the final answer; 0 while there is none. */
  readonly status: number;
  /** False again if it is over and its header section never left, because the client had gone. */
  readonly headersSent: boolean;
  /** Whether some of its content was written. */
  readonly hasContentBegun: boolean;
  /** Nothing more can be said. */
  readonly isOver: boolean;
  /** It was said whole, and the kernel has it all. */
  readonly isFinished: boolean;
  /** Whether the connection goes on after it; settled with the header section. */
  keepAlive: boolean;
  /** Fields are name, value, name, value, …; Date, Connection and Keep-Alive are added. It leaves with the first piece of content. */
  writeHead(status: number, reason: string, fields: readonly string[]): void;
  /** Sends the header section by itself. */
  flushHead(): void;
  /** Says 100 (Continue) to a client that waits for it. */
  writeContinue(): void;
  /**
   * Sends an interim response (RFC 9110 §15.2); `text` has all its line ends. If a client that waits for 100 (Continue) gets none, it may
   * send its content or not, so the connection ends after the final response.
   */
  writeInterim(status: number, text: string): void;
  /** False where `whenDrained` is to be awaited before more is written. What has no content drops it. */
  write(bytes: Buffer | string): boolean;
  /** Whether bytes wait that the kernel has not taken. */
  isPending(): boolean;
  /** To be sent behind the content, where that is chunked: name, value, name, value, … */
  addTrailers(trailers: readonly string[]): void;
  end(text?: string): void;
  whenDrained(resume: () => void): void;
  /**
   * Writes a 101 (RFC 9110 §15.2.2), with all its line ends, and takes the connection off HTTP: the response is over, the socket
   * is paused and the caller's, and `early` is what came behind the request.
   */
  switchProtocol(text: string): { readonly socket: Socket; readonly early: Buffer };
  /**
   * Calls back when the exchange is to be given up: the client has left (`client_gone`), sends what is not HTTP, or the server is
   * stopped. An answer may still be said where none has begun and it is not over. One listener; it may be called before `onOver`'s.
   */
  onGone(listener: (error: ProxyError) => void): void;
  /** Calls back when it is over, finished or not. */
  onOver(listener: () => void): void;
  /**
   * Ends a response that cannot be completed so that it does not look complete (RFC 9112 §8). What was written still goes out, and
   * it is over when the kernel has it all.
   */
  breakOff(): void;
  /** Ends the connection at once. What the kernel has not taken is thrown away. */
  destroy(): void;
}

/** What the server does with what it parsed. Nothing of it may reject or throw. */
export interface ServerHandler {
  onRequest(request: ServerRequest, response: ServerResponse): void;
  /** Whether a connection comes from this very process, and its requests with it. Asked with the first of them. */
  isOwn?(accepted: Socket): boolean;
  /** How much of what was written to a client has not been acknowledged; without it, a slow reader may look like none. */
  readonly countUnacknowledged?: CountUnacknowledged;
  /** Told of what is refused here, of which often nothing is known; returns the id to name it by in the answer. */
  onRefused(error: ProxyError, received: ReceivedRequest): string;
}

/** Times are milliseconds. */
export interface ServerLimits {
  readonly headerMs: number;
  readonly keepAliveMs: number;
  /** How long a client that has an answer to read may take nothing of it; 0 = for ever. */
  readonly idleMs: number;
  readonly headerBytes: number;
  /** At one time; 0 = no limit. */
  readonly connections: number;
  /** What becomes of a connection beyond that; it cannot be changed later. */
  readonly whenFull: WhenFull;
}
