/** One exchange at a time on each connection, in the order of the requests. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

import type { ProxyError } from "../../http/errors.ts";
import { toProblem } from "../../http/problem.ts";
import { toLastAnswer, toRefusal } from "../../http/refusal.ts";
import type { ServerHandler } from "../server.ts";
import { type ClientConnection, hasLastAnswer } from "./connections.ts";
import { closeIdle, lingerFor, readOn } from "./ending.ts";

/** Everything that takes its turn. */
export interface Turns {
  /** Does it now, or when everything that came before on this connection is over. */
  take(connection: ClientConnection, request: IncomingMessage, start: () => void): void;
  /** Has a request answered; to be called in its turn. */
  serve(connection: ClientConnection, request: IncomingMessage, response: ServerResponse): void;
  /** Answers what is no request, or one that is not served, and ends the connection; to be called in its turn. */
  refuse(connection: ClientConnection, error: ProxyError, request?: IncomingMessage): void;
  /** Node could not read on. */
  onUnreadable(
    connection: ClientConnection,
    error: Error & { readonly code?: string | undefined },
  ): void;
  /** From now on every answer says `Connection: close`. */
  drain(): void;
  /** From now on every connection ends with the answer it is at. */
  close(): void;
}

// Requests that are read ahead on one connection before the first is answered; further ones wait in the network.
const MOST_PIPELINED = 256;

/** Creates the order of exchanges for the connections of one server. */
export function createTurns(handler: Pick<ServerHandler, "onRequest" | "onRefused">): Turns {
  let isDraining = false;
  let isClosing = false;

  return {
    take(connection, request, start) {
      if (hasLastAnswer(connection)) return;
      if (connection.current === undefined && connection.queue.length === 0) return start();
      connection.queue.push({ request, start });
      if (connection.queue.length === MOST_PIPELINED) hold(connection.socket);
    },
    serve(connection, request, response) {
      connection.current = { request, response };
      if (isDraining) response.shouldKeepAlive = false;
      response.once("close", () => onServed(connection, request));
      handler.onRequest(request, response);
    },
    refuse,
    onUnreadable(connection, error) {
      if (hasLastAnswer(connection) || connection.refusal !== undefined) return;
      const refusal = toRefusal(error);
      const { current } = connection;
      if (current === undefined) return refuse(connection, refusal);
      // What is wrong belongs to a later message: the answer under way is owed, and the refusal must not be taken for it.
      if (current.request.complete) connection.refusal = refusal;
      else if (current.response.headersSent) connection.socket.destroy();
      else refuse(connection, refusal, current.request);
    },
    drain() {
      isDraining = true;
    },
    close() {
      isClosing = true;
    },
  };

  function onServed(connection: ClientConnection, request: IncomingMessage): void {
    connection.current = undefined;
    if (!request.complete) {
      connection.lingering = request;
      lingerFor(request);
    }
    if (hasLastAnswer(connection)) return;
    const next = connection.queue.shift();
    if (connection.queue.length === MOST_PIPELINED - 1) release(connection.socket);
    const { refusal } = connection;
    // The parser stopped within the content of a request that waited: nothing more of it can come.
    const isBroken = refusal !== undefined && next?.request.complete !== true;
    if (isBroken) refuse(connection, refusal, next?.request);
    else if (next !== undefined) next.start();
    else if (isClosing) closeIdle(connection.socket, request);
  }

  // Written past node's ServerResponse, because there is often no request to respond to.
  function refuse(
    { socket }: ClientConnection,
    error: ProxyError,
    request?: IncomingMessage,
  ): void {
    const received = request ?? { httpVersion: "", rawHeaders: [], socket };
    const problem = toProblem(error, handler.onRefused(error, received));
    socket.end(toLastAnswer(problem, { method: request?.method, now: new Date() }), "latin1");
    request?.resume();
    readOn(socket);
  }
}

// Stops reading. node resumes a connection after each request that it is done with, which would fill the queue without bound.
function hold(socket: Socket): void {
  socket.pause();
  socket.resume = () => socket;
}

function release(socket: Socket): void {
  Reflect.deleteProperty(socket, "resume");
  socket.resume();
}
