/** The tunnel itself, from its 101 to its end. */

import type { Duplex } from "node:stream";

import { ProxyError } from "../../http/errors.ts";
import { toSwitchedFields } from "../../http/upgrade.ts";
import type { TunnelEnd, TunnelRequest } from "../tunnel.ts";
import { type Switched, writeHead } from "./answer.ts";
import { reset } from "./ending.ts";
import type { HeldClient } from "./held-client.ts";
import { onAbort } from "./life.ts";
import { startTimer } from "./timer.ts";

/** Ties the two sockets together and stays until both are closed. */
export async function runSwitched(
  request: TunnelRequest,
  answer: Switched,
  held: HeldClient,
  life: AbortController,
): Promise<TunnelEnd> {
  const { client } = request;
  const { upstream } = answer;
  const bytes = { bytesFromClient: 0, bytesFromUpstream: 0 };
  let end: Pick<TunnelEnd, "reason" | "error"> = { reason: "closed", error: undefined };
  const finish = (reason: TunnelEnd["reason"], error?: ProxyError): void => {
    if (end.reason === "closed") end = { reason, error };
    for (const socket of [client, upstream]) {
      if (reason === "broken") reset(socket);
      else socket.destroy();
    }
  };
  const closed = Promise.all([
    watchSocket(client, (cause) => finish("broken", new ProxyError("client_gone", { cause }))),
    watchSocket(upstream, (cause) =>
      finish("broken", new ProxyError("connection_terminated", { cause })),
    ),
  ]);
  const idle = startTimer(request.idleMs, () => finish("idle"));
  onAbort(life, () => finish("shutdown"));

  try {
    startBytes(request, answer, held);
    client.on("data", (chunk: Buffer) => {
      bytes.bytesFromClient += chunk.length;
      idle?.refresh();
    });
    upstream.on("data", (chunk: Buffer) => {
      bytes.bytesFromUpstream += chunk.length;
      idle?.refresh();
    });
    await closed;
  } finally {
    clearTimeout(idle);
  }
  return { switched: true, ...end, ...bytes };
}

/** Writes the 101, then lets the bytes flow, those that were held first. */
function startBytes(
  { client, onSwitched }: TunnelRequest,
  { upstream, incoming, join }: Switched,
  held: HeldClient,
): void {
  const head = {
    status: 101,
    reason: incoming.statusMessage ?? "",
    rawFields: toSwitchedFields(incoming.rawHeaders),
  };
  onSwitched(head);
  // One side may be done before the other: a FIN is passed on as it comes, and the idle limit ends what stays half open.
  client.allowHalfOpen = true;
  upstream.allowHalfOpen = true;
  writeHead(client, head);
  held.release();
  // http-proxy writes a 101 of its own before it ties the sockets together, from joined fields in lower case.
  const write = client.write;
  client.write = () => true;
  join();
  client.write = write;
}

/** Resolves when the socket is closed. Calls `lost` if that is not because both directions came to their end. */
function watchSocket(socket: Duplex, lost: (cause: unknown) => void): Promise<void> {
  return new Promise((resolve) => {
    // Before http-proxy's own listener: that ends the other side, whose reset then comes too late.
    socket.prependListener("error", lost);
    socket.on("close", () => {
      if (!socket.readableEnded || !socket.writableFinished) lost(undefined);
      resolve();
    });
  });
}
