/** One connection of HTTP/1.1 (RFC 9112): reads its requests and serves one exchange at a time, in order. */

import { STATUS_CODES } from "node:http";

import { ProxyError, toProxyError } from "../../http/errors.ts";
import { keepsAlive } from "../../http/fields.ts";
import { createHeldBytes } from "../../http/wire/held-bytes.ts";
import { toProblem } from "../../http/problem.ts";
import type { RequestHead } from "../../http/wire/request-head.ts";
import { type ParsedRequest, createRequestParser } from "../../http/wire/request-parser.ts";
import { resetTransport } from "../../runtime/reset.ts";
import { closeInOrder, dropRest, lingeringClose, resetLater } from "./linger.ts";
import type { AcceptedConnection, ClientConnection, ServerContext } from "../client-connection.ts";
import { createLostCheck } from "../lost-transport.ts";
import { createRefusalCheck } from "../refusal.ts";
import { IncomingRequest } from "../incoming-request.ts";
import { Http1Response, type ResponseCarrier, type ResponseOptions } from "./response.ts";

const CLOSING: ResponseOptions = { keepAlive: false, expectsContinue: false };

/** The size of pipelined requests that are read ahead. Above it, headgate stops reading. */
const MAX_PIPELINED_BYTES = 64 * 1024;

/** Serves HTTP/1.1 on an accepted connection. */
// oxlint-disable-next-line max-lines-per-function -- one state; what happens to it are the functions below
export function createHttp1Connection(
  accepted: AcceptedConnection,
  context: ServerContext,
): ClientConnection {
  const { socket, transport, peer } = accepted;
  const admitOrRefuse = createRefusalCheck(accepted, context);
  const isLost = createLostCheck(accepted);
  const parser = createRequestParser(context.limits().headerBytes, onContent);
  const carrier: ResponseCarrier = { socket, transport, hijack };
  let request: IncomingRequest | undefined;
  let response: Http1Response | undefined;
  /** Bytes behind the current request. They wait: a pipelined request may depend on the effects of the current one (RFC 9112 §9.3.2). */
  const pipelined = createHeldBytes();
  /** No further bytes are parsed as requests. */
  let isLast = false;
  let isHijacked = false;
  /** The connection must end with a reset, because a FIN would make its last response look complete. */
  let isReset = false;
  let isReading = true;
  /** The handler cannot take more content now. */
  let isContentHeld = false;
  /** `consume` runs: its loop goes on with the bytes behind the request. */
  let isConsuming = false;
  /** Set while the rest of a request is read and dropped behind its response. */
  let stopLingering: (() => void) | undefined;
  let deadlineMs = performance.now() + context.limits().headerMs;
  /** What the deadline is for: the rest of a header section, or the beginning of the next request. */
  let awaits: "head" | "request" = "head";

  const connection: ClientConnection = {
    isAdmitted: false,
    isBusy: () => response !== undefined,
    inFlight: () => (response === undefined ? 0 : 1),
    destroy(error) {
      closeAtOnce();
      response?.close(error); // before the socket's `close` event
    },
    drain() {
      if (response?.headersSent === false) response.keepAlive = false;
    },
    close() {
      // After the last response, the connection closes by itself: a client that is still sending may not have read the response yet.
      if (response !== undefined || isLast) return;
      if (socket.bytesRead === 0) socket.destroy();
      else if (!parser.isInHead()) closeGracefully();
    },
    check(nowMs) {
      if (isLost()) return connection.destroy(new ProxyError("client_gone"));
      if (response !== undefined || isLast || stopLingering !== undefined) return;
      if (nowMs < deadlineMs) return;
      if (awaits === "request") closeGracefully();
      else refuse(toHeaderTimeout(context.limits().headerMs));
    },
  };

  socket.on("data", onData).on("end", onEnd).on("drain", onDrain);
  socket.on("error", () => undefined).on("timeout", onTimeout);
  socket.once("close", () => {
    isLast = true;
    stopLingering?.();
    response?.close();
    if (request?.isComplete() === false) request.abandon(new ProxyError("client_gone"));
  });
  return connection;

  function onData(bytes: Buffer): void {
    if (isLast) return;
    if (pipelined.length() === 0) return consume(bytes);
    pipelined.append(bytes, 0, bytes.length);
    setReading();
  }

  function onContent(bytes: Buffer): void {
    response?.skipContinue();
    request?.push(bytes);
  }

  function consume(bytes: Buffer): void {
    let at = 0;
    isConsuming = true;
    try {
      while (at < bytes.length && !isLast) {
        if (parser.isOver()) {
          if (response !== undefined) {
            pipelined.append(bytes, at, bytes.length);
            break;
          }
          parser.begin();
        }
        at = parser.push(bytes, at);
        const head = parser.takeHead();
        if (head !== undefined && "error" in head) refuse(head.error, head);
        else if (head !== undefined) onRequestHead(head);
        else if (parser.isOver()) onRequestDone();
      }
    } catch (error) {
      onUnreadable(toProxyError(error));
    }
    isConsuming = false;
    setReading();
    if (parser.isInHead() && awaits === "request") {
      awaits = "head";
      deadlineMs = performance.now() + context.limits().headerMs;
    }
  }

  function onRequestHead(received: ParsedRequest): void {
    const head = context.isClosing() ? withoutUpgrade(received) : received;
    const next = new IncomingRequest(head, peer, setContentReading);
    request = next;
    if (parser.isOver()) next.end(parser.trailers());
    const refusal = admitOrRefuse(head, connection);
    if (refusal !== undefined) return refuse(refusal, next);
    const { fields } = head;
    const keepAlive = keepsAlive(head.httpVersion, fields.connection) && !context.isDraining();
    const expectsContinue = fields.expects === "continue" && !next.isComplete();
    const outgoing = createResponse(next, { keepAlive, expectsContinue });
    context.handler.onRequest(next, outgoing);
  }

  function createResponse(to: RequestHead, options: ResponseOptions): Http1Response {
    const created = new Http1Response(carrier, context.responseContext(), to, options);
    response = created;
    created.onOver(onResponseDone);
    return created;
  }

  /** Ends HTTP on the connection, and returns the bytes that came behind its request. */
  function hijack(): Buffer {
    isLast = true;
    isHijacked = true;
    socket.off("data", onData).off("end", onEnd).off("drain", onDrain).pause();
    return pipelined.take();
  }

  function onRequestDone(): void {
    request?.end(parser.trailers());
    if (stopLingering === undefined) return;
    stopLingering();
    stopLingering = undefined;
    waitForNextRequest();
  }

  function onResponseDone(): void {
    const done = response;
    response = undefined;
    if (done === undefined || socket.destroyed || isHijacked) return;
    if (isLast || !done.isFinished) return closeAfter(done);
    if (!done.keepAlive || (context.isClosing() && pipelined.length() === 0))
      return closeGracefully();
    if (request?.isComplete() === false) stopLingering = dropRest(request, socket);
    else waitForNextRequest();
  }

  // Starts the wait between two exchanges, or serves a pipelined request.
  function waitForNextRequest(): void {
    awaits = "request";
    deadlineMs = performance.now() + context.limits().keepAliveMs;
    if (isConsuming || pipelined.length() === 0) return;
    consume(pipelined.take());
  }

  function closeGracefully(): void {
    isLast = true;
    // RFC 9112 §9.6: requests behind a response that closes the connection are not processed.
    if (request?.isComplete() === false || pipelined.length() > 0) lingeringClose(socket);
    else closeInOrder(socket);
  }

  /** After the last response, reads and drops what the client still sends, until the client has read the response or the time limit ends. */
  function closeAfter(last: Http1Response): void {
    isLast = true;
    isReset = last.needsReset();
    if (isReset) resetLater(socket, transport);
    else lingeringClose(socket);
  }

  /**
   * The socket's own time limit: closes the connection at once, unless a slow client still reads. setImmediate lets the event loop look at
   * the socket first: after a long turn, the client's bytes may have arrived already, or the kernel may have taken what waited.
   */
  function onTimeout(): void {
    const moved = countMoved();
    const timedOut = response;
    setImmediate(() => {
      const hasLimit = socket.timeout !== 0;
      if (!hasLimit || response !== timedOut || countMoved() !== moved) return;
      if (timedOut?.isStalled() !== false) closeAtOnce();
    });
  }

  /** The number of bytes that came, and that the kernel has taken. */
  function countMoved(): number {
    return socket.bytesRead + socket.bytesWritten - socket.writableLength;
  }

  function closeAtOnce(): void {
    if (isReset || response?.needsReset() === true) resetTransport(transport, socket);
    else socket.destroy();
  }

  // RFC 9112 §11.2: after a refused request, the bytes behind it must not be parsed as another request.
  function refuse(error: ProxyError, refused?: RequestHead): void {
    isLast = true;
    const received = { ...(refused ?? parser.partialHead()), peer };
    const requestId = context.handler.onRefused(error, received);
    const problem = toProblem(error, requestId, received.method);
    const last = createResponse(received, CLOSING);
    last.writeHead(problem.status, STATUS_CODES[problem.status] ?? "", problem.fields);
    last.end(problem.body);
  }

  function onUnreadable(error: ProxyError): void {
    if (isLast) return;
    if (response === undefined) {
      // If the response was already sent, a malformed rest of the request's content only closes the connection.
      if (stopLingering === undefined) refuse(error);
      else closeGracefully();
      return;
    }
    giveUp(response, error);
  }

  /** Abandons the exchange, because the rest of the client's bytes is invalid or missing. What the response has written still leaves. */
  function giveUp(to: Http1Response, error: ProxyError): void {
    isLast = true;
    to.fail(error);
    request?.abandon(error);
  }

  // After a FIN the client may still be reading, or may have left. headgate cannot distinguish the two, and most have left.
  function onEnd(): void {
    if (isLast) return;
    if (response?.isEnded === false) {
      if (response.headersSent) giveUp(response, new ProxyError("client_gone"));
      else socket.destroy();
    } else if (response !== undefined) response.keepAlive = false;
    else if (parser.isInHead()) refuse(new ProxyError("http_request_error"));
    else closeGracefully();
  }

  function onDrain(): void {
    response?.onDrain();
  }

  function setContentReading(isWanted: boolean): void {
    isContentHeld = !isWanted;
    setReading();
  }

  function setReading(): void {
    if (isHijacked) return;
    const isWanted = isLast || (!isContentHeld && pipelined.length() < MAX_PIPELINED_BYTES);
    if (isWanted === isReading) return;
    isReading = isWanted;
    if (isWanted) socket.resume();
    else socket.pause();
  }
}

/** While the server closes, no connection switches protocols: an upgrade request is served as an ordinary one. */
function withoutUpgrade(head: ParsedRequest): ParsedRequest {
  return { ...head, fields: { ...head.fields, upgrade: undefined } };
}

function toHeaderTimeout(headerMs: number): ProxyError {
  const cause = new Error(`timeouts.header is ${headerMs} ms`);
  return new ProxyError("request_header_timeout", { cause });
}
