/** One connection from a client: what comes on it as requests, one exchange at a time, in the order of the requests. */

import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";

import { ProxyError, toProxyError } from "../http/errors.ts";
import { isKept } from "../http/headers.ts";
import { createHeldBytes } from "../http/wire/held-bytes.ts";
import { toProblem } from "../http/problem.ts";
import { loop, noConnect, noPlace, tooSlow } from "../http/refusal.ts";
import type { ServerHandler, ServerLimits } from "./exchange.ts";
import { type RequestHead, notHttp } from "../http/wire/request-head.ts";
import { type ParsedRequest, createRequestParser } from "../http/wire/request-parser.ts";
import { reset } from "../runtime/reset.ts";
import { endGently, lingerFor, resetLater } from "./linger.ts";
import type { Visitor } from "./admission.ts";
import { Request } from "./request.ts";
import type { Response, ResponseCarrier, ResponseEnding } from "./response.ts";

/** What a connection knows of its server. */
export interface Host {
  readonly handler: ServerHandler;
  limits(): ServerLimits;
  /** Makes the answer to a request. */
  respond(carrier: ResponseCarrier, request: RequestHead, ending: ResponseEnding): Response;
  /** Every answer is the last of its connection. */
  isDraining(): boolean;
  /** Every connection ends with the exchange it is at. */
  isClosing(): boolean;
  admit(connection: ClientConnection): boolean;
}

/** A connection as its server sees it. */
export interface ClientConnection extends Visitor {
  /** The answer that has not begun yet is the last. */
  drain(): void;
  /** Ends it now if it is idle; one that is busy ends with its exchange. */
  close(): void;
  /** Looks whether its time is up, by the monotonic clock. */
  check(nowMs: number): void;
}

const LAST: ResponseEnding = { keepAlive: false, expectsContinue: false };

/** Bytes of pipelined requests that are read ahead; further ones wait in the network. */
const MOST_AHEAD_BYTES = 64 * 1024;

/** Serves a connection that was accepted. */
// oxlint-disable-next-line max-lines-per-function -- one state; what happens to it are the functions below
export function createClientConnection(socket: Socket, host: Host): ClientConnection {
  const peer = {
    remoteAddress: socket.remoteAddress,
    isClosed: () => socket.destroyed,
    onClosed: (listener: () => void) => void socket.once("close", listener),
  };
  const parser = createRequestParser(host.limits().headerBytes, onContent);
  const carrier: ResponseCarrier = { socket, hijack };
  let request: Request | undefined;
  let response: Response | undefined;
  /** Bytes behind the request that is being answered: a pipelined one may depend on what it changes (RFC 9112 §9.3.2). */
  const ahead = createHeldBytes();
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
  let deadlineMs = performance.now() + host.limits().headerMs;
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
      else refuse(tooSlow(host.limits().headerMs));
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
    if (ahead.length() === 0) return consume(bytes);
    ahead.append(bytes, 0, bytes.length);
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
            ahead.append(bytes, at, bytes.length);
            break;
          }
          parser.begin();
        }
        at = parser.push(bytes, at);
        const head = parser.takeHead();
        if (head !== undefined && "error" in head) refuse(head.error, head);
        else if (head !== undefined) begin(head);
        else if (parser.isOver()) endRequest();
      }
    } catch (error) {
      onUnreadable(toProxyError(error));
    }
    isConsuming = false;
    setReading();
    if (parser.hasBegun() && awaits === "request") {
      awaits = "head";
      deadlineMs = performance.now() + host.limits().headerMs;
    }
  }

  function begin(received: ParsedRequest): void {
    const head = host.isClosing() ? withoutUpgrade(received) : received;
    const next = new Request(head, peer, setContentReading);
    request = next;
    if (parser.isOver()) next.end(parser.trailers());
    // Not when it was accepted: a side that connects learns its own port later.
    isForeign ||= host.handler.isOwn?.(socket) !== true;
    if (!isForeign) return refuse(loop(), next);
    // Whether there is a place is asked as late as can be: one may have become free since the client connected.
    if (!host.admit(connection)) return refuse(noPlace(host.limits().connections), next);
    if (head.method === "CONNECT") return refuse(noConnect(), next);
    const { connection: options, expects } = head.fields;
    const keepAlive = isKept(head.httpVersion, options) && !host.isDraining();
    const expectsContinue = expects === "continue" && !next.isWhole();
    const answer = host.respond(carrier, next, { keepAlive, expectsContinue });
    response = answer;
    answer.onOver(onOver);
    host.handler.onRequest(next, answer);
  }

  /** Takes the connection off HTTP, and returns what came behind its request. */
  function hijack(): Buffer {
    isLast = true;
    isHijacked = true;
    socket.off("data", onData).off("end", onEnd).off("drain", onDrain).pause();
    return ahead.take();
  }

  function endRequest(): void {
    request?.end(parser.trailers());
    if (stopLingering === undefined) return;
    stopLingering();
    stopLingering = undefined;
    rest(performance.now());
  }

  function onOver(): void {
    const over = response;
    response = undefined;
    if (over === undefined || socket.destroyed || isHijacked) return;
    if (isLast || !over.isFinished) return endBehind(over);
    if (!over.keepAlive || (host.isClosing() && ahead.length() === 0)) return finish();
    if (request?.isWhole() === false) stopLingering = lingerFor(request, socket);
    else rest(over.overMs);
  }

  // Between two exchanges.
  function rest(nowMs: number): void {
    awaits = "request";
    deadlineMs = nowMs + host.limits().keepAliveMs;
    if (isConsuming || ahead.length() === 0) return;
    consume(ahead.take());
  }

  function finish(): void {
    isLast = true;
    // RFC 9112 §9.6: what a client sends behind the request whose answer closes the connection is not processed.
    if (request?.isWhole() === false || ahead.length() > 0) endGently(socket);
    else socket.destroySoon();
  }

  /** What comes behind the last response is read and dropped, until the client has read that or its time is up. */
  function endBehind(last: Response): void {
    isLast = true;
    isReset = last.needsReset();
    if (isReset) resetLater(socket);
    else endGently(socket);
  }

  /** Ends the connection at once. */
  function onTimeout(): void {
    if (response?.takesNothing() !== false) cut();
  }

  function cut(): void {
    if (isReset || response?.needsReset() === true) reset(socket);
    else socket.destroy();
  }

  // RFC 9112 §11.2: whoever was refused for one reading of its bytes must not get the rest of them through as another request.
  function refuse(error: ProxyError, refused?: RequestHead): void {
    isLast = true;
    const received = { ...(refused ?? parser.known()), peer };
    const requestId = host.handler.onRefused(error, received);
    const problem = toProblem(error, requestId, received.method);
    const last = (response = host.respond(carrier, received, LAST));
    last.onOver(onOver);
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
  function giveUp(to: Response, error: ProxyError): void {
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
    else if (parser.hasBegun()) refuse(notHttp());
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
    const isWanted = isLast || (!isContentHeld && ahead.length() < MOST_AHEAD_BYTES);
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
