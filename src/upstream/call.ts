/** One request to the upstream, from the pool to its response: sent once, or twice where that cannot be told from once. */

import type { AnswerHead, ParsedHead } from "../http/answer-head.ts";
import { ProxyError } from "../http/errors.ts";
import type {
  ConnectionOwner,
  ConnectionRequest,
  Failure,
  ResponseReceiver,
  UpstreamConnection,
} from "./connection.ts";
import { type Content, type IncomingContent, createContent } from "./content.ts";
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

/** A request as the pool and its connection see it. */
export interface PendingRequest extends ResponseReceiver {
  connection: UpstreamConnection | undefined;
}

/** Where a request waits. */
export interface Queue {
  forget(pending: PendingRequest): void;
  readonly onBytes: GcPressure;
}

// RFC 9110 §9.2.2 allows an automatic retry of what is idempotent. PUT and DELETE are too, but a backend may count them: the
// three that ask without changing anything are sent again, and nothing that carries content.
function isRepeatable({ method, content }: UpstreamRequest): boolean {
  return content === undefined && (method === "GET" || method === "HEAD" || method === "OPTIONS");
}

/** Creates the call of one request; nothing is sent yet. */
export function createCall(
  request: UpstreamRequest,
  queue: Queue,
): { readonly call: UpstreamCall; readonly pending: PendingRequest } {
  let sentMs: number | undefined;
  let retries = 0;
  let isOver = false;
  let incoming: IncomingContent | undefined;
  let resolve: (response: UpstreamResponse) => void;
  let reject: (error: ProxyError) => void;
  const response = new Promise<UpstreamResponse>((onResponse, onError) => {
    resolve = onResponse;
    reject = onError;
  });

  const pending: PendingRequest = {
    connection: undefined,
    request,
    owner: request.owner,
    deadlineMs: undefined,
    onSent(nowMs) {
      sentMs ??= nowMs;
    },
    onInterim: request.onInterim,
    onHead(head) {
      resolve({ head, content: begin().content, sentMs, switched: undefined });
    },
    onContent(bytes, start, end) {
      incoming?.push(bytes, start, end);
    },
    onEnd(rawTrailers) {
      isOver = true;
      incoming?.end(rawTrailers);
    },
    onSwitch(head: ParsedHead, socket) {
      isOver = true;
      const switched = { rawFields: head.rawFields, socket };
      resolve({ head, content: begin().content, sentMs, switched });
    },
    takesRetry(failure) {
      if (!mayRetry(failure)) return false;
      if (failure === "unanswered") retries += 1;
      return true;
    },
    onError(error) {
      fail(error);
    },
  };

  const call: UpstreamCall = {
    response,
    sentMs: () => sentMs,
    retries: () => retries,
    cancel(error) {
      if (isOver) return;
      queue.forget(pending);
      pending.connection?.cancel();
      fail(error);
    },
  };
  return { call, pending };

  // The new connection has served nothing, so that nothing that fails there is tried again: a request is sent twice at most.
  function mayRetry(failure: Failure): boolean {
    if (failure === "unsent") return true;
    if (failure !== "unanswered" || !isRepeatable(request)) return false;
    return pending.deadlineMs === undefined || performance.now() < pending.deadlineMs;
  }

  function begin(): IncomingContent {
    const { connection } = pending;
    if (connection === undefined) throw new ProxyError("proxy_internal_error");
    incoming = createContent(connection, request.responseContent, queue.onBytes);
    return incoming;
  }

  function fail(error: ProxyError): void {
    isOver = true;
    if (incoming === undefined) reject(error);
    else incoming.fail(error);
  }
}
