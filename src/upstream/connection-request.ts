/** One request as a connection to the upstream sees it: what is sent, and what receives its response. */

import type { Readable } from "node:stream";

import type { ProxyError } from "../http/errors.ts";
import type { UpgradeFields } from "../http/request-fields.ts";
import type { ParsedHead, ResponseHead } from "../http/wire/response-head.ts";
import type { SwitchedSocket } from "./switched-socket.ts";

/** The content of a request. */
export interface RequestContent extends Readable {
  /** The trailers behind chunked content, once it has ended: name, value, name, value, … */
  readonly trailers: readonly string[];
}

/** A request as the connection sends it. `fields` are raw and include Host. */
export interface ConnectionRequest {
  readonly method: string;
  readonly path: string;
  readonly fields: readonly string[];
  /** `length`: the Content-Length is one of the fields. */
  readonly framing: "none" | "length" | "chunked";
  readonly content: RequestContent | undefined;
  /** Whether the client may wait for a 100 (Continue) before it sends the content. */
  readonly expectsContinue: boolean;
  /** Whether the client takes trailers behind the content of the response. */
  readonly takesTrailers: boolean;
  /** Undefined if the request is not for a switch of protocols. */
  readonly upgrade: UpgradeFields | undefined;
  /** Whether a response is refused for a liberty of old backends (http/wire/liberties.ts). */
  readonly isStrict: boolean;
  /** `skip`: the content of the response goes to no client, so its bytes are only counted. */
  readonly responseContent: "relay" | "skip";
  /** Milliseconds from the end of the request to the header section of its response, with the wait for a 100 (Continue). */
  readonly responseMs: number;
  /** Milliseconds between bytes in either direction; 0 = no limit. */
  readonly idleMs: number;
}

/** A client connection. An upstream connection that carries a login belongs to one. */
export interface ConnectionOwner {
  isClosed(): boolean;
  onClosed(listener: () => void): void;
}

/**
 * How a request failed on a connection that had served before. `unsent`: no byte of the request was written. `no_response`: the connection
 * closed without a byte of the response (RFC 9110 §9.2.2). `final`: every other failure.
 */
export type Failure = "unsent" | "no_response" | "final";

/** Receives the response to one request, in order. Exactly one of `onEnd`, `onSwitch`, `onError` and a retry ends it. */
export interface ResponseReceiver {
  readonly request: ConnectionRequest;
  readonly owner: ConnectionOwner | undefined;
  /** The deadline for the header section, in milliseconds of the monotonic clock. A retry does not move it. */
  deadlineMs: number | undefined;
  onSent(nowMs: number): void;
  onInterim(head: ResponseHead): void;
  /** `nowMs`: when its last byte was read, in milliseconds of the monotonic clock. */
  onHead(head: ResponseHead, nowMs: number): void;
  /** `bytes` from `start` to `end` are borrowed until this returns. */
  onContent(bytes: Buffer, start: number, end: number): void;
  onEnd(rawTrailers: readonly string[]): void;
  /** A 101: the connection speaks another protocol from now on. */
  onSwitch(head: ParsedHead, socket: SwitchedSocket): void;
  /** Returns whether the request is to be sent again on a new connection, and counts the retry. */
  takesRetry(failure: Failure): boolean;
  onError(error: ProxyError): void;
}

/**
 * Whether a request may be sent again. RFC 9110 §9.2.2 allows an automatic retry of idempotent methods. A backend may count even a
 * PUT or DELETE, so only the three safe methods are sent again, and only without content.
 */
export function isRepeatable({ method, content }: ConnectionRequest): boolean {
  return content === undefined && (method === "GET" || method === "HEAD" || method === "OPTIONS");
}
