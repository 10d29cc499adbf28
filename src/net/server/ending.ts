/** How a client's connection ends: with its last answer read, and not kept for ever. */

import type { Socket } from "node:net";

import { reset } from "../../runtime/reset.ts";
import type { Request } from "./request.ts";

// How long a client may go on sending what nobody wants any more after its answer: long enough for one that reads the answer
// only after its upload (nginx's lingering_time), not for ever.
const LINGER_MS = 30_000;
// The same where the answer closes the connection: a client that pauses this long has stopped sending.
const LINGER_IDLE_MS = 1_000;
// How long a client has for what the kernel holds of a response that only a reset can end. A reset takes what has not arrived with
// it, and node's own clients take one that arrives together with bytes for a FIN. Longer would only keep clients waiting that have
// read it all.
const RESET_DELAY_MS = 2_000;

/**
 * Ends a connection after its last answer, and reads and drops what still comes (RFC 9112 §9.6). Closing at once would reset the
 * connection while the client sends, and take the answer from its buffer.
 */
export function endGently(socket: Socket): void {
  socket.end();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  timer.unref();
  socket.setTimeout(LINGER_IDLE_MS, () => socket.destroy());
  socket.once("close", () => clearTimeout(timer));
  socket.resume();
}

/** Resets a connection after what its client is to get of a response that broke off; what still comes is read and dropped. */
export function resetLater(socket: Socket): void {
  const timer = setTimeout(() => reset(socket), RESET_DELAY_MS);
  timer.unref();
  socket.once("close", () => clearTimeout(timer));
  socket.resume();
}

/** Reads and drops the content of a request that was answered before its end, on a connection that goes on after it. */
export function lingerFor(request: Request, socket: Socket): () => void {
  request.drop();
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  timer.unref();
  return () => clearTimeout(timer);
}
