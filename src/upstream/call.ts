/** One request to the upstream, from the pool to its response. A request without effects may be sent a second time. */

import type { ResponseHead, ParsedHead } from "../http/wire/response-head.ts";
import { ProxyError } from "../http/errors.ts";
import {
  type ConnectionOwner,
  type ConnectionRequest,
  type Failure,
  type ResponseReceiver,
  isRepeatable,
} from "./connection-request.ts";
import { type Content, IncomingContent } from "./content.ts";
import type { GcPressure } from "../runtime/gc-pressure.ts";
import type { SwitchedSocket } from "./switched-socket.ts";
import type { UpstreamConnection } from "./upstream-connection.ts";

/** A request to the upstream, the client connection it belongs to, and the listener for interim responses. */
export interface UpstreamRequest extends ConnectionRequest {
  /** The client connection that it came on. */
  readonly owner: ConnectionOwner | undefined;
  onInterim(head: ResponseHead): void;
}

/** The header section of a response, and what follows it. */
export interface UpstreamResponse {
  readonly head: ResponseHead;
  readonly content: Content;
  /** When the request was first sent, in milliseconds of the monotonic clock. */
  readonly sentMs: number | undefined;
  /** When the header section was complete, by the same clock. */
  readonly receivedMs: number;
  /** The connection after a 101, which has no content. */
  readonly switched: SwitchedProtocol | undefined;
}

/** A 101, and the connection that speaks the new protocol. */
export interface SwitchedProtocol {
  readonly rawFields: readonly string[];
  readonly socket: SwitchedSocket;
}

/** One request on its way. */
export interface UpstreamCall {
  /** Rejects with a ProxyError. */
  readonly response: Promise<UpstreamResponse>;
  /** When the request was first sent, in milliseconds of the monotonic clock. */
  sentMs(): number | undefined;
  /** How often the request was sent again: 0 or 1. */
  retries(): number;
  /** Ends the call with this error, queued or sent. Does nothing once the call is over. */
  cancel(error: ProxyError): void;
}

/** The part of the pool that a request uses: its queue, to leave it, and a resource that all requests share. */
export interface Queue {
  forget(request: PendingRequest): void;
  readonly gcPressure: GcPressure;
}

/**
 * One request: the pool and the connection call it as a receiver, the sender as an UpstreamCall. Creating it sends nothing.
 *
 * It is a class because each exchange creates one, and closures would cost measurable CPU time.
 */
export class PendingRequest implements ResponseReceiver, UpstreamCall {
  connection: UpstreamConnection | undefined;
  deadlineMs: number | undefined;
  readonly request: UpstreamRequest;
  readonly owner: ConnectionOwner | undefined;
  readonly response: Promise<UpstreamResponse>;
  private readonly queue: Queue;
  private firstSentMs: number | undefined;
  private sentAgain: number;
  private isOver: boolean;
  private incoming: IncomingContent | undefined;
  private resolve!: (response: UpstreamResponse) => void;
  private reject!: (error: ProxyError) => void;

  constructor(request: UpstreamRequest, queue: Queue) {
    this.connection = undefined;
    this.deadlineMs = undefined;
    this.request = request;
    this.owner = request.owner;
    this.queue = queue;
    this.firstSentMs = undefined;
    this.sentAgain = 0;
    this.isOver = false;
    this.incoming = undefined;
    this.response = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  sentMs(): number | undefined {
    return this.firstSentMs;
  }

  retries(): number {
    return this.sentAgain;
  }

  cancel(error: ProxyError): void {
    if (this.isOver) return;
    this.queue.forget(this);
    this.connection?.cancel();
    this.onError(error);
  }

  onSent(nowMs: number): void {
    this.firstSentMs ??= nowMs;
  }

  onInterim(head: ResponseHead): void {
    this.request.onInterim(head);
  }

  onHead(head: ResponseHead, nowMs: number): void {
    this.respond(head, nowMs, undefined);
  }

  onContent(bytes: Buffer, start: number, end: number): void {
    this.incoming?.push(bytes, start, end);
  }

  onEnd(rawTrailers: readonly string[]): void {
    this.isOver = true;
    this.incoming?.end(rawTrailers);
  }

  onSwitch(head: ParsedHead, socket: SwitchedSocket): void {
    this.isOver = true;
    this.respond(head, performance.now(), { rawFields: head.rawFields, socket });
  }

  takesRetry(failure: Failure): boolean {
    if (!this.mayRetry(failure)) return false;
    if (failure === "no_response") this.sentAgain += 1;
    return true;
  }

  onError(error: ProxyError): void {
    this.isOver = true;
    if (this.incoming === undefined) this.reject(error);
    else this.incoming.fail(error);
  }

  // A retry goes to a new connection, and a failure on a connection that served nothing before is final. So a request is sent twice
  // at most.
  private mayRetry(failure: Failure): boolean {
    if (failure === "unsent") return true;
    if (failure !== "no_response" || !isRepeatable(this.request)) return false;
    return this.deadlineMs === undefined || performance.now() < this.deadlineMs;
  }

  private respond(
    head: ResponseHead,
    receivedMs: number,
    switched: SwitchedProtocol | undefined,
  ): void {
    const { connection, request } = this;
    if (connection === undefined) throw new ProxyError("proxy_internal_error");
    const content = new IncomingContent(connection, request.responseContent, this.queue.gcPressure);
    this.incoming = content;
    this.resolve({ head, content, sentMs: this.firstSentMs, receivedMs, switched });
  }
}
