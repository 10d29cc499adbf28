/** What a server and the connections of its clients know of each other, in every version of HTTP. */

import type { Socket } from "node:net";

import type { ProxyError } from "../http/errors.ts";
import type { LimitedConnection } from "./admission.ts";
import type { ClientPeer, ServerHandler, ServerLimits } from "./server-handler.ts";
import type { ResponseContext } from "./http1/response.ts";

/** A connection on which HTTP begins. */
export interface AcceptedConnection {
  /** Carries HTTP: the TCP or Unix socket, or the TLS socket above it. */
  readonly socket: Socket;
  /** The TCP or Unix socket. */
  readonly transport: Socket;
  readonly peer: ClientPeer;
  /** Why each request on it is refused. */
  readonly refusal?: ProxyError;
}

/** The part of the server that a connection uses. */
export interface ServerContext {
  readonly handler: ServerHandler;
  limits(): ServerLimits;
  /** What the responses of HTTP/1.1 share. */
  responseContext(): ResponseContext;
  /** Whether every response closes its connection. */
  isDraining(): boolean;
  /** Whether every connection closes after its current exchange. */
  isClosing(): boolean;
  admit(connection: ClientConnection): boolean;
}

/** The part of a connection that its server uses. */
export interface ClientConnection extends LimitedConnection {
  /** The number of exchanges in progress. */
  inFlight(): number;
  /** Makes the current response close the connection, if the response has not begun. */
  drain(): void;
  /** Closes it if it is idle. A busy one closes after its exchange. */
  close(): void;
  /** Checks its time limits against the monotonic clock. */
  check(nowMs: number): void;
}
