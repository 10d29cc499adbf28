/** One request to the upstream, from the pool to its response: sent once, or twice where that cannot be told from once. */

import type { AnswerHead, ParsedHead } from "../http/answer-head.ts";
import { ProxyError } from "../http/errors.ts";
import {
  type ConnectionOwner,
  type ConnectionRequest,
  type Failure,
  type ResponseReceiver,
  type UpstreamConnection,
  isRepeatable,
} from "./connection.ts";
import { type Content, IncomingContent } from "./content.ts";
import type { GcPressure } from "./gc-pressure.ts";
import type { SwitchedSocket } from "./switched-socket.ts";

/** What goes up, for whom, and who hears of interim responses. */
export interface UpstreamRequest extends ConnectionRequest {
  /** The client connection that it came on. */
  readonly owner: ConnectionOwner | undefined;
  onInterim(head: AnswerHead): void;
}

/** The header section of a response, and what follows it. */
export interface UpstreamResponse {
  readonly head: AnswerHead;
  readonly content: Content;
  /** When its request went out, in milliseconds of the monotonic clock. */
  readonly sentMs: number | undefined;
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
  /** When the request went out first, in milliseconds of the monotonic clock. */
  sentMs(): number | undefined;
  /** How often it was sent again. */
  retries(): number;
  /** Gives up wherever it stands; harmless once it is over. */
  cancel(error: ProxyError): void;
}

/** Where a request waits. */
export interface Queue {
  forget(request: PendingRequest): void;
  readonly onBytes: GcPressure;
}

/**
 * A request as the pool and its connection see it, and as its sender does; nothing is sent yet.
 *
 * A class because there is one for each exchange: closures would be felt.
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

  onInterim(head: AnswerHead): void {
    this.request.onInterim(head);
  }

  onHead(head: AnswerHead): void {
    this.respond(head, undefined);
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
    this.respond(head, { rawFields: head.rawFields, socket });
  }

  takesRetry(failure: Failure): boolean {
    if (!this.mayRetry(failure)) return false;
    if (failure === "unanswered") this.sentAgain += 1;
    return true;
  }

  onError(error: ProxyError): void {
    this.isOver = true;
    if (this.incoming === undefined) this.reject(error);
    else this.incoming.fail(error);
  }

  // The new connection has served nothing, so that nothing that fails there is tried again: a request is sent twice at most.
  private mayRetry(failure: Failure): boolean {
    if (failure === "unsent") return true;
    if (failure !== "unanswered" || !isRepeatable(this.request)) return false;
    return this.deadlineMs === undefined || performance.now() < this.deadlineMs;
  }

  private respond(head: AnswerHead, switched: SwitchedProtocol | undefined): void {
    const { connection, request } = this;
    if (connection === undefined) throw new ProxyError("proxy_internal_error");
    const content = new IncomingContent(connection, request.responseContent, this.queue.onBytes);
    this.incoming = content;
    this.resolve({ head, content, sentMs: this.firstSentMs, switched });
  }
}
