/** Closes a client's connection so that the client can still read its last response, within a time limit. */

import type { Socket } from "node:net";

import { resetTransport } from "../../runtime/reset.ts";
import type { IncomingRequest } from "../incoming-request.ts";

// How long a client may go on sending after its response. It is long enough for a client that reads the response only after its upload
// (nginx's lingering_time).
const LINGER_MS = 30_000;
// After a response that closes the connection, a client that pauses for this long has stopped sending.
const LINGER_IDLE_MS = 1_000;
// How long a client may read what the kernel holds of a broken response before the reset. A reset discards bytes that have not arrived,
// and a client on Node takes a reset that arrives together with bytes for a FIN. A longer delay would make clients wait that have read
// everything.
const RESET_DELAY_MS = 2_000;

/**
 * Closes a connection after its last response, and reads and drops what the client still sends (RFC 9112 §9.6). To close it at once
 * would reset the connection while the client is sending, and discard the response in the client's buffer.
 */
export function lingeringClose(socket: Socket): void {
  socket.end();
  limitLinger(socket);
  socket.resume();
}

/**
 * Closes a connection whose last response has left. With TLS, the end is a close_notify (RFC 8446 §6.1), which waits if the client reads
 * nothing.
 */
export function closeInOrder(socket: Socket): void {
  limitLinger(socket);
  socket.destroySoon();
}

/** Ends the connection when the client has paused, or when it has gone on for too long. */
function limitLinger(socket: Socket): void {
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  timer.unref();
  socket.setTimeout(LINGER_IDLE_MS); // the connection's own listener ends it
  socket.once("close", () => clearTimeout(timer));
}

/**
 * Resets a connection, by its TCP socket `transport`, two seconds after the last bytes of a broken response. Reads and drops what the
 * client still sends.
 */
export function resetLater(socket: Socket, transport: Socket): void {
  const timer = setTimeout(() => resetTransport(transport, socket), RESET_DELAY_MS);
  timer.unref();
  socket.once("close", () => clearTimeout(timer));
  socket.resume();
}

/**
 * Reads and drops the rest of a request whose response is complete, on a persistent connection. Returns the function that cancels its
 * time limit.
 */
export function dropRest(request: IncomingRequest, socket: Socket): () => void {
  request.drop();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  timer.unref();
  return () => clearTimeout(timer);
}
