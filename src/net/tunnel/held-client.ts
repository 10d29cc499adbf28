/** The client's socket between its request for an upgrade and the answer. */

import { ProxyError } from "../../http/errors.ts";
import type { TunnelRequest } from "../tunnel.ts";

/** How much a client may send before the 101. More waits in its own socket, by backpressure. */
const HELD_BYTES = 64 * 1024;

/** The client's socket while there is no 101. */
export interface HeldClient {
  /** Gives the socket back, with what was held in front. */
  release(): void;
  /** Forgets what was held, and whatever comes. */
  discard(): void;
}

/**
 * Keeps what the client sends, and notices when it leaves. Not reading at all would hold the bytes as well, but a socket that
 * nobody reads reports neither FIN nor RST. A client that has sent more than the limit is only missed when its time is up.
 */
export function holdClient({ client, early }: TunnelRequest, life: AbortController): HeldClient {
  const chunks = [early];
  let bytes = early.length;
  const hold = (chunk: Buffer): void => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= HELD_BYTES) client.pause();
  };
  // A FIN counts as leaving: whoever has nothing more to say cannot mean to switch protocols. The server takes it likewise.
  const leave = (): void => life.abort(new ProxyError("client_gone"));
  // An error that nobody hears ends the process.
  client.on("error", () => undefined);
  client.on("data", hold).on("end", leave).on("close", leave);
  if (bytes >= HELD_BYTES) client.pause();
  else client.resume();
  if (client.destroyed || client.readableEnded) leave();
  return {
    release() {
      client.off("data", hold).off("end", leave).off("close", leave);
      client.pause();
      client.unshift(Buffer.concat(chunks));
    },
    discard() {
      client.off("data", hold);
      chunks.length = 0;
      // Unread bytes would turn the close after an answer into a reset, and that may overtake the answer (RFC 9112 §9.6).
      client.resume();
    },
  };
}
