/** One HTTP/2 connection from a client (RFC 9113). */

import { STATUS_CODES } from "node:http";
import type { ServerHttp2Stream } from "node:http2";

import { ProxyError } from "../../http/errors.ts";
import { hasConnectionTrailer } from "../../http/fields.ts";
import { toProblem } from "../../http/problem.ts";
import { readRequestFields } from "../../http/request-fields.ts";
import { NO_TRAILERS } from "../../http/trailers.ts";
import type { RequestHead } from "../../http/wire/request-head.ts";
import type { AcceptedConnection, ClientConnection, ServerContext } from "../client-connection.ts";
import type { ClientPeer } from "../server-handler.ts";
import { createLostCheck } from "../lost-transport.ts";
import { createRefusalCheck } from "../refusal.ts";
import { IncomingRequest } from "../incoming-request.ts";
import { createMisuseGuard } from "./misuse.ts";
import { toStreamHead } from "./stream-head.ts";
import { type StreamOptions, StreamResponse } from "./response.ts";
import { CODES, END_STREAM, openSession } from "./session.ts";

/** One stream with its request. */
interface StreamExchange {
  readonly stream: ServerHttp2Stream;
  readonly request: IncomingRequest;
  readonly response: StreamResponse;
}

/** How long a client may take to close a connection that is over. */
const CLOSE_MS = 2_000;
/** The time between two attempts to close a connection whose last frames wait for a write. */
const RETRY_CLOSE_MS = 5;

const NO_FIELDS = readRequestFields([], "2");

/** Serves HTTP/2 on an accepted connection. */
// oxlint-disable-next-line max-lines-per-function -- one state; what happens to it are the functions below
export function createHttp2Connection(
  { socket, transport, peer }: AcceptedConnection,
  context: ServerContext,
): ClientConnection {
  const guard = createMisuseGuard((kind, reason) => {
    context.handler.onMisuse?.({ kind, reason, peer });
    const code = kind === "protocol" ? CODES.protocolError : CODES.enhanceYourCalm;
    session.destroy(new Error(reason), code); // without an error, node:http2 would send NO_ERROR
  });
  const { session, ping, isBehindGoaway, tryClose } = openSession(
    { socket, transport },
    context.limits().headerBytes,
    {
      onError: guard.onSessionError,
      onLeave,
    },
  );
  const exchanges = new Set<StreamExchange>();
  /** Streams whose response is over, but not their request, each with the number of checks since. */
  const lingering = new Map<ServerHttp2Stream, number>();
  /** Streams that the client opened and nghttp2 accepted, and those that it reset or refused before that. */
  let begun = 0;
  let refused = 0;
  /** Streams that are not closed: exchanges, tunnels, and the rests of requests. */
  let streams = 0;
  /** The connection is closing: no further stream is served. */
  let isLast = false;
  /** The client has sent a GOAWAY: the connection closes as soon as no stream is open. */
  let isLeaving = false;
  /** An attempt to close the connection is due. */
  let isClosing = false;
  let hasSettings = false;
  let deadlineMs = performance.now() + context.limits().headerMs;
  /** The bytes of the connection that the client had acknowledged at the last check. */
  let acknowledged: number | undefined;
  /** The bytes that the client had sent at the last check. */
  let lastBytesRead: number | undefined;
  /** Whether headgate's last PING has left; undefined if the client has sent something since. */
  let hasPingLeft: (() => boolean) | undefined;
  const admitOrRefuse = createRefusalCheck({ transport }, context);
  const isLost = createLostCheck({ socket, transport });

  const connection: ClientConnection = {
    isAdmitted: false,
    isBusy: () => exchanges.size > 0,
    inFlight: () => exchanges.size,
    destroy(error) {
      socket.destroy();
      for (const { response } of exchanges) response.close(error); // before the stream's `close` event
    },
    drain: sendGoaway,
    close() {
      if (isLast) return;
      isLast = true;
      deadlineMs = performance.now() + CLOSE_MS;
      sendGoaway();
      closeIfOver();
    },
    check,
  };

  session.on("stream", onStream);
  session.once("remoteSettings", () => {
    hasSettings = true;
    waitForStream();
  });
  session.on("remoteSettings", () => guard.count("settings"));
  session.on("ping", () => guard.count("pings"));
  session.on("error", () => undefined); // it destroys the socket
  socket.on("error", () => undefined);
  // A client that has closed its side can send no WINDOW_UPDATE and has left.
  socket.once("end", () => (streams === 0 ? connection.close() : socket.destroy()));
  return connection;

  function onStream(
    stream: ServerHttp2Stream,
    _headers: unknown,
    flags: number,
    rawHeaders?: readonly string[],
  ): void {
    streams += 1;
    begun += 1;
    stream.on("error", () => undefined);
    stream.once("close", onStreamClosed);
    const isComplete = (flags & END_STREAM) !== 0;
    const raw = rawHeaders ?? [];
    const head = toStreamHead(raw, isComplete ? "none" : "follows", context.limits().headerBytes);
    const streamPeer = toStreamPeer(peer, stream);
    if ("error" in head) return refuse(stream, head, head.error, streamPeer);
    const isTunnel = head.webSocketKey !== undefined;
    const request = new IncomingRequest(head, streamPeer, (isReading) => {
      if (isTunnel) return; // the stream's bytes belong to the tunnel
      if (isReading) stream.resume();
      else stream.pause();
    });
    const refusal = admitOrRefuse(head, connection);
    if (refusal !== undefined) {
      refuse(stream, head, refusal, streamPeer);
      if (!connection.isAdmitted) connection.close(); // so that it does not keep the place of another one
      return;
    }
    if (isLast || isBehindGoaway(stream)) return refuseUnprocessed(stream);
    const expectsContinue = head.fields.expects === "continue" && !isComplete;
    const response = respond(stream, request, { expectsContinue, webSocketKey: head.webSocketKey });
    const exchange = { stream, request, response };
    exchanges.add(exchange);
    response.onOver(() => onResponseDone(exchange));
    if (isComplete || isTunnel) request.end(NO_TRAILERS);
    else readContent(exchange);
    context.handler.onRequest(request, response);
    if (context.isDraining()) sendGoaway();
  }

  function readContent({ stream, request, response }: StreamExchange): void {
    let trailers = NO_TRAILERS;
    stream.on("data", (bytes: Buffer) => {
      response.skipContinue();
      request.push(bytes);
    });
    stream.on("trailers", (_headers: unknown, _flags: number, raw?: readonly string[]) => {
      trailers = raw ?? NO_TRAILERS;
    });
    stream.once("end", () => {
      // Node also ends the content of a stream that was reset without an error: that is not its end.
      if (stream.closed) return request.abandon(new ProxyError("client_gone"));
      if (hasConnectionTrailer(trailers)) return giveUp();
      request.end(trailers);
    });
    stream.once("close", () => request.abandon(new ProxyError("client_gone")));

    function giveUp(): void {
      guard.count("resets");
      const error = new ProxyError("http_request_error");
      response.fail(error);
      request.abandon(error);
    }
  }

  function onResponseDone(exchange: StreamExchange): void {
    exchanges.delete(exchange);
    const { stream, request, response } = exchange;
    if (response.isSwitched) return;
    if (stream.destroyed) return;
    if (!request.isComplete()) request.drop();
    linger(stream);
  }

  /** Reads and drops what still comes on a stream whose response is over. */
  function linger(stream: ServerHttp2Stream): void {
    stream.resume();
    lingering.set(stream, 0);
    stream.once("close", () => lingering.delete(stream));
  }

  function onStreamClosed(): void {
    streams -= 1;
    waitForStream();
    closeIfOver();
  }

  function onLeave(): void {
    isLeaving = true;
    closeIfOver();
  }

  function closeIfOver(): void {
    if ((!isLast && !isLeaving) || isClosing) return;
    isClosing = true;
    setImmediate(closeNow);
  }

  function closeNow(): void {
    isClosing = false;
    if (streams > 0 || session.destroyed) return;
    if (!isLast) deadlineMs = performance.now() + CLOSE_MS;
    isLast = true;
    if (tryClose()) return;
    isClosing = true;
    setTimeout(closeNow, RETRY_CLOSE_MS).unref();
  }

  function waitForStream(): void {
    const { keepAliveMs } = context.limits();
    deadlineMs = performance.now() + (isLast ? CLOSE_MS : keepAliveMs);
  }

  function refuse(
    stream: ServerHttp2Stream,
    head: RequestHead,
    error: ProxyError,
    streamPeer: ClientPeer,
  ): void {
    const requestId = context.handler.onRefused(error, { ...head, peer: streamPeer });
    const problem = toProblem(error, requestId, head.method);
    const request = { method: head.method, httpVersion: "2", fields: NO_FIELDS };
    const response = respond(stream, request, { expectsContinue: false, webSocketKey: undefined });
    response.writeHead(problem.status, STATUS_CODES[problem.status] ?? "", problem.fields);
    response.end(problem.body);
    linger(stream);
  }

  function respond(
    stream: ServerHttp2Stream,
    request: Pick<IncomingRequest, "method" | "httpVersion" | "fields">,
    options: Pick<StreamOptions, "expectsContinue" | "webSocketKey">,
  ): StreamResponse {
    const { idleMs } = context.limits();
    const response = new StreamResponse(stream, request, { ...options, idleMs, unacknowledged });
    stream.once("close", () => {
      if (wasReset(stream, response) && !socket.destroyed) guard.count("resets");
    });
    return response;
  }

  /**
   * Tells the client to open no further streams. Those that it has opened are served; those that cross the GOAWAY are refused, because the
   * client may send them again elsewhere (RFC 9113 §6.8). At the end of the turn, when all streams of this read have begun.
   */
  function sendGoaway(): void {
    if (streams === 0) return;
    setImmediate(() => {
      if (!session.destroyed) session.goaway(CODES.noError);
    });
  }

  function check(nowMs: number): void {
    if (isLost()) return connection.destroy(new ProxyError("client_gone"));
    countRefused();
    if (!hasSettings || streams === 0) {
      if (nowMs < deadlineMs) return;
      if (isLast || !hasSettings) socket.destroy();
      else connection.close();
      return;
    }
    for (const [stream, checks] of lingering) {
      lingering.set(stream, checks + 1);
      // RFC 9113 §8.1: after the whole response, headgate tells the client to stop sending. The first check may come too early: the end of
      // the request, or the client's own reset, may be on its way.
      if (checks > 0 && stream.state.localClose === 1) stream.close(CODES.noError);
    }
    if (isGivenUp()) return connection.destroy(new ProxyError("client_gone"));
    checkReaders(nowMs);
  }

  /** Counts streams that nghttp2 reset alone: no event tells of a header section that is too large. */
  function countRefused(): void {
    if (session.destroyed) return;
    const { lastProcStreamID = 0 } = session.state;
    const before = refused;
    refused = Math.ceil(lastProcStreamID / 2) - begun;
    if (refused > before) guard.count("invalid_frames", refused - before);
  }

  /**
   * Whether nghttp2 has given the session up. Then it reads and sends nothing, and Node 20 does not close the connection. A PING to a silent
   * client shows it (`sendPing` in session.ts), unless earlier bytes are still on their way to the client.
   */
  function isGivenUp(): boolean {
    if (session.destroyed) return false;
    if (transport.bytesRead !== lastBytesRead) {
      lastBytesRead = transport.bytesRead;
      hasPingLeft = undefined;
    } else if (hasPingLeft === undefined) {
      // The acknowledgement does not count as sent by the client. If Node sends no PING, that shows nothing.
      hasPingLeft = ping(() => (lastBytesRead = transport.bytesRead)) ?? (() => true);
    } else return !hasPingLeft() && unacknowledged() === 0;
    return false;
  }

  function checkReaders(nowMs: number): void {
    const pending = [...exchanges].filter(({ response }) => response.isPending());
    // What the client acknowledges of the connection belongs to a stream only if it is alone.
    const hasMoved = pending.length === 1 && hasClientMoved();
    for (const { response } of exchanges) response.check(nowMs, hasMoved);
  }

  function hasClientMoved(): boolean {
    const before = acknowledged;
    acknowledged = transport.bytesWritten - (unacknowledged() ?? 0);
    return before !== acknowledged;
  }

  function unacknowledged(): number | undefined {
    return context.handler.countUnacknowledged?.(transport);
  }
}

/** Refuses a stream that crossed the GOAWAY: the client may send it again on another connection (RFC 9113 §8.7). */
function refuseUnprocessed(stream: ServerHttp2Stream): void {
  stream.resume();
  setImmediate(() => stream.close(CODES.refusedStream));
}

/**
 * Whether the client reset a stream, or its frames made nghttp2 reset it, before or after the response. Such a stream no longer counts
 * towards the limit of streams, although headgate and the upstream may have worked for it (CVE-2023-44487, CVE-2025-8671).
 */
function wasReset(stream: ServerHttp2Stream, response: StreamResponse): boolean {
  if (response.isReset) return false; // by headgate itself, such as for an upstream that broke off
  return stream.rstCode !== CODES.noError || !response.isFinished;
}

/**
 * The client as one of its streams. An upstream connection with a login (NTLM, Negotiate) belongs to one stream and ends with it: a front
 * may send several users' requests on one connection.
 */
function toStreamPeer(peer: ClientPeer, stream: ServerHttp2Stream): ClientPeer {
  const { remoteAddress, isUnix, isUnknown, tls } = peer;
  return {
    remoteAddress,
    isUnix,
    isUnknown,
    tls,
    isClosed: () => stream.destroyed,
    onClosed: (listener) => void stream.once("close", listener),
  };
}
