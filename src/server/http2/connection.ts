/** One HTTP/2 connection from a client (RFC 9113). The door of node:http2. */

import { STATUS_CODES } from "node:http";
import {
  type ServerHttp2Session,
  type ServerHttp2Stream,
  constants,
  performServerHandshake,
} from "node:http2";
import type { Socket } from "node:net";

import { ProxyError } from "../../http/errors.ts";
import { hasConnectionTrailer } from "../../http/fields.ts";
import { toProblem } from "../../http/problem.ts";
import { readRequestFields } from "../../http/request-fields.ts";
import { NO_TRAILERS } from "../../http/trailers.ts";
import type { RequestHead } from "../../http/wire/request-head.ts";
import { toTooManyClients } from "../admission.ts";
import type { AcceptedConnection, ClientConnection, ServerContext } from "../connection.ts";
import type { ClientPeer } from "../exchange.ts";
import { IncomingRequest } from "../request.ts";
import { createBudget } from "./budget.ts";
import { toStreamHead } from "./request-head.ts";
import { StreamResponse } from "./response.ts";
import { toSessionOptions } from "./settings.ts";

/** One stream with its request. */
interface StreamExchange {
  readonly stream: ServerHttp2Stream;
  readonly request: IncomingRequest;
  readonly response: StreamResponse;
}

/** How many abandoned streams, PINGs and SETTINGS a client may send at once, and further ones each second. Browsers send some hundreds. */
const BURST = 1_000;
const PER_SECOND = 50;

/** How long a client may take to close a connection that is over. */
const CLOSE_MS = 2_000;

const NO_FIELDS = readRequestFields([], "2");

/** Serves HTTP/2 on an accepted connection. */
// oxlint-disable-next-line max-lines-per-function -- one state; what happens to it are the functions below
export function createHttp2Connection(
  { socket, transport, peer }: AcceptedConnection,
  context: ServerContext,
): ClientConnection {
  const session = openSession(socket, transport, context.limits().headerBytes);
  const budget = createBudget(BURST, PER_SECOND);
  const exchanges = new Set<StreamExchange>();
  /** Streams whose response is over, but not their request. */
  const lingering = new Set<ServerHttp2Stream>();
  /** Streams that are not closed: exchanges, tunnels, and the rests of requests. */
  let streams = 0;
  /** It was checked that the connection comes from another process and not from headgate itself. */
  let isForeign = false;
  /** The connection is closing: no further stream is served. */
  let isLast = false;
  /** The client has not exceeded its budget. */
  let isCalm = true;
  let hasSettings = false;
  let deadlineMs = performance.now() + context.limits().headerMs;
  /** The bytes of the connection that the client had acknowledged when headgate last looked. */
  let acknowledged: number | undefined;
  /** The bytes that the client had sent when headgate last looked. */
  let heard: number | undefined;
  /** The bytes that headgate had written before it sent a PING, if the client was silent since. */
  let writtenBeforePing: number | undefined;

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
      session.close();
    },
    check,
  };

  session.on("stream", onStream);
  session.once("remoteSettings", () => {
    hasSettings = true;
    waitForStream();
  });
  session.on("remoteSettings", spend);
  session.on("ping", spend);
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
    stream.on("error", () => undefined);
    stream.once("close", onStreamClosed);
    const isComplete = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    const raw = rawHeaders ?? [];
    const head = toStreamHead(raw, isComplete ? "none" : "follows", context.limits().headerBytes);
    const streamPeer = toStreamPeer(peer, stream);
    if ("error" in head) return refuse(stream, head, head.error, streamPeer);
    const isTunnel = head.webSocketKey !== undefined;
    const request = new IncomingRequest(head, streamPeer, (isReading) => {
      if (isTunnel) return; // what comes is not content, and belongs to the tunnel
      if (isReading) stream.resume();
      else stream.pause();
    });
    // Not checked when the connection was accepted, because the connecting side learns its own port later.
    isForeign ||= context.handler.isOwn?.(transport) !== true;
    if (!isForeign) return refuse(stream, head, new ProxyError("proxy_loop_detected"), streamPeer);
    if (!context.admit(connection)) {
      refuse(stream, head, toTooManyClients(context.limits().connections), streamPeer);
      return connection.close(); // so that it does not keep the place of another one
    }
    if (head.method === "CONNECT")
      return refuse(stream, head, new ProxyError("connect_not_served"), streamPeer);
    const response = new StreamResponse(stream, request, {
      expectsContinue: head.fields.expects === "continue" && !isComplete,
      webSocketKey: head.webSocketKey,
      idleMs: context.limits().idleMs,
      unacknowledged,
    });
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
      const error = new ProxyError("http_request_error");
      response.fail(error);
      request.abandon(error);
    }
  }

  function onResponseDone(exchange: StreamExchange): void {
    exchanges.delete(exchange);
    const { stream, request, response } = exchange;
    if (response.isSwitched) return;
    if (!response.isFinished) spend();
    if (stream.destroyed) return;
    if (!request.isComplete()) request.drop();
    linger(stream);
  }

  /** Reads and drops what still comes on a stream whose response is over. */
  function linger(stream: ServerHttp2Stream): void {
    stream.resume();
    lingering.add(stream);
    stream.once("close", () => lingering.delete(stream));
  }

  function onStreamClosed(): void {
    streams -= 1;
    waitForStream();
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
    const response = new StreamResponse(stream, request, {
      expectsContinue: false,
      webSocketKey: undefined,
      idleMs: context.limits().idleMs,
      unacknowledged,
    });
    response.writeHead(problem.status, STATUS_CODES[problem.status] ?? "", problem.fields);
    response.end(problem.body);
    linger(stream);
  }

  /** Tells the client to open no further streams. Those that it has opened are served. */
  function sendGoaway(): void {
    if (!session.destroyed && streams > 0) session.goaway(constants.NGHTTP2_NO_ERROR);
  }

  /** Ends the connection of a client that sends too much of what costs nothing. */
  function spend(): void {
    if (isCalm && !budget.take(performance.now())) {
      isCalm = false;
      session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
    }
  }

  function check(nowMs: number): void {
    if (!hasSettings || streams === 0) {
      if (nowMs < deadlineMs) return;
      if (isLast || !hasSettings) socket.destroy();
      else connection.close();
      return;
    }
    // RFC 9113 §8.1: after the whole response, the client is told to stop sending its request.
    for (const stream of lingering)
      if (stream.state.localClose === 1) stream.close(constants.NGHTTP2_NO_ERROR);
    if (isGivenUp()) return connection.destroy(new ProxyError("client_gone"));
    checkReaders(nowMs);
  }

  /**
   * Whether nghttp2 has given the session up. It then reads and sends nothing, and Node 20 does not close the connection: a PING to a client
   * that is silent shows it.
   */
  function isGivenUp(): boolean {
    if (session.destroyed) return false;
    if (transport.bytesRead !== heard) {
      heard = transport.bytesRead;
      writtenBeforePing = undefined;
    } else if (writtenBeforePing === undefined) {
      const { bytesWritten } = transport;
      // Its response is no news. A PING that Node refuses, because ten have no response, shows nothing.
      const isSent = session.ping(() => (heard = transport.bytesRead));
      writtenBeforePing = isSent ? bytesWritten : -1;
    } else return transport.bytesWritten === writtenBeforePing && unacknowledged() === 0;
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

/**
 * Begins HTTP/2 on a socket. The session is destroyed later than Node does it, when no frame is being read.
 *
 * Symptom: frames that follow a GOAWAY in one read ended the process, by an assertion of Node 22 or of nghttp2 in Node 20.
 * Root cause: node:http2 destroys a session while nghttp2 reads frames for it: at a GOAWAY with an error, and where its caller does.
 */
function openSession(socket: Socket, transport: Socket, headerBytes: number): ServerHttp2Session {
  const session = performServerHandshake(socket, toSessionOptions(headerBytes));
  const destroy = session.destroy.bind(session);
  session.destroy = (error?: Error, code?: number) =>
    void setImmediate(() => {
      if (isReport(error)) checkGivenUp(session, transport, () => destroy(error, code));
      else destroy(error, code);
    });
  return session;
}

/** nghttp2's numbers for a broken rule, and for a frame on a closed stream. */
const REPORTS: ReadonlySet<unknown> = new Set([-505, -510]);

/** Whether nghttp2 only reports that the client broke a rule. It has done what RFC 9113 §5.4 requires: it resets the stream or sends a GOAWAY. */
function isReport(error: NodeJS.ErrnoException | null | undefined): boolean {
  return REPORTS.has(error?.errno);
}

/** How long a PING may take to leave. It waits for a write that is in progress. */
const PING_MS = 50;

/** Calls back if nghttp2 has given a session up: then a PING does not leave. Otherwise the client's other streams go on. */
function checkGivenUp(session: ServerHttp2Session, transport: Socket, onGivenUp: () => void): void {
  if (session.destroyed) return;
  const { bytesWritten } = transport;
  if (!session.ping(() => undefined)) return onGivenUp(); // ten are not acknowledged
  setTimeout(() => {
    if (!session.destroyed && transport.bytesWritten === bytesWritten) onGivenUp();
  }, PING_MS).unref();
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
