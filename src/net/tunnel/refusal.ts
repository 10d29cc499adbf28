/** An answer other than 101 on its way to the client. */

import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

import { ProxyError, toProxyError } from "../../http/errors.ts";
import type { TunnelEnd, TunnelRequest } from "../tunnel.ts";
import { reset } from "./ending.ts";
import { startTimer } from "./timer.ts";

/** How long a client may take to close after a refusal that was written whole. */
const LINGER_MS = 1_000;

/** Hands a refusal to the caller, then ends the connection: what the client sends next belongs to no protocol. */
export async function relayRefusal(
  request: TunnelRequest,
  incoming: IncomingMessage,
  life: AbortController,
): Promise<TunnelEnd> {
  const { client, upstream } = request;
  const end = { switched: false, error: undefined, bytesFromClient: 0, bytesFromUpstream: 0 };
  // Node takes the socket off the answer once that is complete.
  const { socket } = incoming;
  // Whoever broke off first is to blame: the other side's end follows, and may be seen before the relay has given up.
  let broken: Error | undefined;
  incoming.on("error", (error) => {
    if (!life.signal.aborted) broken ??= error;
  });
  socket.setTimeout(upstream.idleTimeout, () =>
    incoming.destroy(new ProxyError("http_response_timeout")),
  );
  try {
    life.signal.throwIfAborted();
    const { statusCode: status = 0, statusMessage: reason = "", rawHeaders: rawFields } = incoming;
    await request.refuse({
      status,
      reason,
      rawFields,
      body: incoming,
      rawTrailers: () => incoming.rawTrailers,
    });
  } catch (cause) {
    reset(client);
    const isEnded = life.signal.aborted && broken === undefined;
    const error = toProxyError(broken ?? (isEnded ? life.signal.reason : cause));
    return isEnded && error.code !== "client_gone"
      ? { ...end, reason: "shutdown" }
      : { ...end, reason: "broken", error };
  } finally {
    socket.destroy();
  }
  client.end();
  await waitForClose(client);
  return { ...end, reason: "closed" };
}

/** Resolves when the client has closed; after the linger time it is cut off. */
function waitForClose(client: Duplex): Promise<void> {
  return new Promise((resolve) => {
    if (client.closed) return resolve();
    const timer = startTimer(LINGER_MS, () => client.destroy());
    client.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
