/** The end of a client's connection: the client can still read its last response, within a limit of time. */

import type { Socket } from "node:net";

import { reset } from "../runtime/reset.ts";
import type { IncomingRequest } from "./request.ts";

// How long a client may go on sending what nobody wants any more after its answer: long enough for one that reads the answer
// only after its upload (nginx's lingering_time), not for ever.
const LINGER_MS = 30_000;
// The same if the response closes the connection: a client that pauses this long has stopped sending.
const LINGER_IDLE_MS = 1_000;
// How long a client may read what the kernel holds of a broken response before the reset. A reset discards bytes that have not arrived,
// and a client on Node takes a reset that arrives together with bytes for a FIN. A longer delay would keep clients waiting that have
// read everything.
const RESET_DELAY_MS = 2_000;

/**
 * Ends a connection after its last answer, and reads and drops what still comes (RFC 9112 §9.6). Closing at once would reset the
 * connection while the client sends, and take the answer from its buffer.
 */
export function lingeringClose(socket: Socket): void {
  socket.end();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  timer.unref();
  socket.setTimeout(LINGER_IDLE_MS); // the connection's own listener ends it
  socket.once("close", () => clearTimeout(timer));
  socket.resume();
}

/** Resets a connection two seconds after the last bytes of a broken response. Reads and drops what the client still sends. */
export function resetLater(socket: Socket): void {
  const timer = setTimeout(() => reset(socket), RESET_DELAY_MS);
  timer.unref();
  socket.once("close", () => clearTimeout(timer));
  socket.resume();
}

/** Reads and drops the content of a request that was answered before its end, on a connection that goes on after it. */
export function lingerOver(request: IncomingRequest, socket: Socket): () => void {
  request.drop();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  timer.unref();
  return () => clearTimeout(timer);
}
