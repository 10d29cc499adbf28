/** One connection from a client: what comes on it as requests, one exchange at a time, in the order of the requests. */

import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";

import { ProxyError, toProxyError } from "../http/errors.ts";
import { isKept } from "../http/fields.ts";
import { createHeldBytes } from "../http/wire/held-bytes.ts";
import { toProblem } from "../http/problem.ts";
import type { ServerHandler, ServerLimits } from "./exchange.ts";
import type { RequestHead } from "../http/wire/request-head.ts";
import { type ParsedRequest, createRequestParser } from "../http/wire/request-parser.ts";
import { reset } from "../runtime/reset.ts";
import { lingeringClose, lingerOver, resetLater } from "./linger.ts";
import type { LimitedConnection } from "./admission.ts";
import { IncomingRequest } from "./request.ts";
import type { OutgoingResponse, ResponseCarrier, ResponseEnding } from "./response.ts";

/** What a connection knows of its server. */
export interface ServerContext {
  readonly handler: ServerHandler;
  limits(): ServerLimits;
  /** Makes the answer to a request. */
  respond(carrier: ResponseCarrier, request: RequestHead, ending: ResponseEnding): OutgoingResponse;
  /** Every answer is the last of its connection. */
  isDraining(): boolean;
  /** Every connection ends with the exchange it is at. */
  isClosing(): boolean;
  admit(connection: ClientConnection): boolean;
}

/** A connection as its server sees it. */
export interface ClientConnection extends LimitedConnection {
  /** The answer that has not begun yet is the last. */
  drain(): void;
  /** Ends it now if it is idle; one that is busy ends with its exchange. */
  close(): void;
  /** Looks whether its time is up, by the monotonic clock. */
  check(nowMs: number): void;
}

const LAST: ResponseEnding = { keepAlive: false, expectsContinue: false };

/** Bytes of pipelined requests that are read ahead; further ones wait in the network. */
const MAX_PIPELINED_BYTES = 64 * 1024;

/** Serves a connection that was accepted. */
// oxlint-disable-next-line max-lines-per-function -- one state; what happens to it are the functions below
export function createClientConnection(socket: Socket, context: ServerContext): ClientConnection {
  const peer = {
    remoteAddress: socket.remoteAddress,
    isClosed: () => socket.destroyed,
    onClosed: (listener: () => void) => void socket.once("close", listener),
  };
  const parser = createRequestParser(context.limits().headerBytes, onContent);
  const carrier: ResponseCarrier = { socket, hijack };
  let request: IncomingRequest | undefined;
  let response: OutgoingResponse | undefined;
  /** Bytes behind the request that is being answered: a pipelined one may depend on what it changes (RFC 9112 §9.3.2). */
  const pipelined = createHeldBytes();
  /** Nothing that comes is read as a request any more. */
  let isLast = false;
  let isHijacked = false;
  /** It does not come from this process itself. */
  let isForeign = false;
  /** A FIN would make the last response look complete. */
  let isReset = false;
  let isReading = true;
  let isContentHeld = false;
  let isConsuming = false;
  let stopLingering: (() => void) | undefined;
  let deadlineMs = performance.now() + context.limits().headerMs;
  let awaits: "head" | "request" = "head";

  const connection: ClientConnection = {
    hasPlace: false,
    isBusy: () => response !== undefined,
    destroy(error) {
      cut();
      response?.close(error); // before the socket's own end is heard
    },
    drain() {
      if (response?.headersSent === false) response.keepAlive = false;
    },
    close() {
      // One whose last response is written ends by itself: a client that still sends may not have read it yet.
      if (response !== undefined || isLast) return;
      if (socket.bytesRead === 0) socket.destroy();
      else if (!parser.hasBegun()) finish();
    },
    check(nowMs) {
      if (response !== undefined || isLast || stopLingering !== undefined) return;
      if (nowMs < deadlineMs) return;
      if (awaits === "request") socket.destroy();
      else refuse(toHeaderTimeout(context.limits().headerMs));
    },
  };

  socket.on("data", onData).on("end", onEnd).on("drain", onDrain);
  socket.on("error", () => undefined).on("timeout", onTimeout);
  socket.once("close", () => {
    isLast = true;
    stopLingering?.();
    response?.close();
    if (request?.isWhole() === false) request.abandon(new ProxyError("client_gone"));
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
        else if (parser.isOver()) endRequest();
      }
    } catch (error) {
      onUnreadable(toProxyError(error));
    }
    isConsuming = false;
    setReading();
    if (parser.hasBegun() && awaits === "request") {
      awaits = "head";
      deadlineMs = performance.now() + context.limits().headerMs;
    }
  }

  function onRequestHead(received: ParsedRequest): void {
    const head = context.isClosing() ? withoutUpgrade(received) : received;
    const next = new IncomingRequest(head, peer, setContentReading);
    request = next;
    if (parser.isOver()) next.end(parser.trailers());
    // Not when it was accepted: a side that connects learns its own port later.
    isForeign ||= context.handler.isOwn?.(socket) !== true;
    if (!isForeign) return refuse(new ProxyError("proxy_loop_detected"), next);
    // Whether there is a place is asked as late as can be: one may have become free since the client connected.
    if (!context.admit(connection))
      return refuse(toTooManyClients(context.limits().connections), next);
    if (head.method === "CONNECT") return refuse(new ProxyError("connect_not_served"), next);
    const { connection: options, expects } = head.fields;
    const keepAlive = isKept(head.httpVersion, options) && !context.isDraining();
    const expectsContinue = expects === "continue" && !next.isWhole();
    const answer = context.respond(carrier, next, { keepAlive, expectsContinue });
    response = answer;
    answer.onOver(onResponseDone);
    context.handler.onRequest(next, answer);
  }

  /** Takes the connection off HTTP, and returns what came behind its request. */
  function hijack(): Buffer {
    isLast = true;
    isHijacked = true;
    socket.off("data", onData).off("end", onEnd).off("drain", onDrain).pause();
    return pipelined.take();
  }

  function endRequest(): void {
    request?.end(parser.trailers());
    if (stopLingering === undefined) return;
    stopLingering();
    stopLingering = undefined;
    waitForNextRequest(performance.now());
  }

  function onResponseDone(): void {
    const over = response;
    response = undefined;
    if (over === undefined || socket.destroyed || isHijacked) return;
    if (isLast || !over.isFinished) return endBehind(over);
    if (!over.keepAlive || (context.isClosing() && pipelined.length() === 0)) return finish();
    if (request?.isWhole() === false) stopLingering = lingerOver(request, socket);
    else waitForNextRequest(over.overMs);
  }

  // Between two exchanges.
  function waitForNextRequest(nowMs: number): void {
    awaits = "request";
    deadlineMs = nowMs + context.limits().keepAliveMs;
    if (isConsuming || pipelined.length() === 0) return;
    consume(pipelined.take());
  }

  function finish(): void {
    isLast = true;
    // RFC 9112 §9.6: what a client sends behind the request whose answer closes the connection is not processed.
    if (request?.isWhole() === false || pipelined.length() > 0) lingeringClose(socket);
    else socket.destroySoon();
  }

  /** What comes behind the last response is read and dropped, until the client has read that or its time is up. */
  function endBehind(last: OutgoingResponse): void {
    isLast = true;
    isReset = last.needsReset();
    if (isReset) resetLater(socket);
    else lingeringClose(socket);
  }

  // setImmediate lets the event loop read the socket first: after a long turn, the client's bytes may have arrived already.
  function onTimeout(): void {
    const { bytesRead } = socket;
    const timedOut = response;
    setImmediate(() => {
      if (socket.bytesRead !== bytesRead || response !== timedOut) return;
      if (timedOut?.takesNothing() !== false) cut();
    });
  }

  function cut(): void {
    if (isReset || response?.needsReset() === true) reset(socket);
    else socket.destroy();
  }

  // RFC 9112 §11.2: whoever was refused for one reading of its bytes must not get the rest of them through as another request.
  function refuse(error: ProxyError, refused?: RequestHead): void {
    isLast = true;
    const received = { ...(refused ?? parser.known()), peer };
    const requestId = context.handler.onRefused(error, received);
    const problem = toProblem(error, requestId, received.method);
    const last = (response = context.respond(carrier, received, LAST));
    last.onOver(onResponseDone);
    last.writeHead(problem.status, STATUS_CODES[problem.status] ?? "", problem.fields);
    last.end(problem.body);
  }

  function onUnreadable(error: ProxyError): void {
    if (isLast) return;
    if (response === undefined) {
      // Of a request that was answered before its end nobody wants the rest, and it has its answer.
      if (stopLingering === undefined) refuse(error);
      else finish();
      return;
    }
    giveUp(response, error);
  }

  /** The client sends nothing more that counts. What has arrived of a response that is under way is still written out. */
  function giveUp(to: OutgoingResponse, error: ProxyError): void {
    isLast = true;
    to.fail(error);
    request?.abandon(error);
  }

  // A client that has nothing more to say may still listen, or have left: nobody can tell, and most have left.
  function onEnd(): void {
    if (isLast) return;
    if (response?.isEnded === false) {
      if (response.headersSent) giveUp(response, new ProxyError("client_gone"));
      else socket.destroy();
    } else if (response !== undefined) response.keepAlive = false;
    else if (parser.hasBegun()) refuse(new ProxyError("http_request_error"));
    else finish();
  }

  function onDrain(): void {
    response?.drain();
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

/** While the server closes, no connection is given to another protocol: the request is served as if it had not asked. */
function withoutUpgrade(head: ParsedRequest): ParsedRequest {
  return { ...head, fields: { ...head.fields, upgrade: undefined } };
}

function toHeaderTimeout(headerMs: number): ProxyError {
  const cause = new Error(`timeouts.header is ${headerMs} ms`);
  return new ProxyError("request_header_timeout", { cause });
}

function toTooManyClients(max: number): ProxyError {
  return new ProxyError("too_many_clients", { cause: new Error(`limits.connections is ${max}`) });
}
