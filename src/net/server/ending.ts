/** How a client's connection ends: with its last answer read, and not kept for ever. */

import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";

import type { ClientConnection } from "./connections.ts";

// How long a client may go on sending what nobody wants any more after its answer: long enough for one that reads the answer
// only after its upload (nginx's lingering_time), not for ever.
const LINGER_MS = 30_000;
// The same where the answer closes the connection: a client that pauses this long has stopped sending.
const LINGER_IDLE_MS = 1_000;

/** Node closes a connection with its last answer, also while the client still sends; from now on it lingers instead. */
export function closeGently(connection: ClientConnection): void {
  const { socket } = connection;
  const destroySoon = socket.destroySoon.bind(socket);
  socket.destroySoon = () => {
    if (connection.current?.request.complete !== false) return destroySoon();
    socket.end();
    readOn(socket);
  };
}

/** Ends a connection after `request`: an answer that had begun before promised to keep it, which nobody waits for now. */
export function closeIdle(socket: Socket, request: IncomingMessage): void {
  if (request.complete) return socket.destroySoon();
  socket.end();
  readOn(socket);
}

/**
 * Reads and drops what comes behind the last answer (RFC 9112 §9.6). Closing at once would reset the connection while the
 * client still sends, and take the answer from its buffer.
 */
export function readOn(socket: Socket): void {
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  timer.unref();
  socket.setTimeout(LINGER_IDLE_MS, () => socket.destroy());
  socket.once("close", () => clearTimeout(timer));
  socket.resume();
}

/** Reads and drops the content of a request that was answered before its end, on a connection that goes on after it. */
export function lingerFor(request: IncomingMessage): void {
  request.resume();
  const timer = setTimeout(() => request.socket.destroy(), LINGER_MS);
  timer.unref();
  const clear = (): void => clearTimeout(timer);
  request.once("end", clear).once("close", clear);
}
