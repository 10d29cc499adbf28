/** The client's side: listening, limits and limits of time, an orderly end. Its parts stand in `server/`. */

import type { Socket } from "node:net";

import type { Address } from "../config/address.ts";
import { toKeepAliveLines } from "../http/wire/serialize.ts";
import type { ProxyError } from "../http/errors.ts";
import type { ServerHandler, ServerLimits } from "./exchange.ts";
import { type ClientConnection, type ServerContext, createClientConnection } from "./connection.ts";
import { createResponseHeadCache } from "./head-cache.ts";
import { createListener, listen } from "./listener.ts";
import { createConnectionLimiter } from "./admission.ts";
import { OutgoingResponse, type ResponseServer } from "./response.ts";

/** A listening server. */
export interface Server {
  /** Where it listens, as a URL or `unix:/path`. Rejects with node's error (EADDRINUSE, EACCES, …). */
  listen(address: Address): Promise<string>;
  connections(): number;
  /** Connections with an exchange in progress. */
  busy(): number;
  /** Takes effect on the next connection (`headerBytes`) or the next request. */
  configure(limits: ServerLimits): void;
  /** From now on every answer says `Connection: close`. */
  drain(): void;
  /** Stops listening and resolves when the last exchange is over; idle connections are closed at once. */
  close(): Promise<void>;
  /** Cuts what is left; `error` is what its exchanges say of themselves. */
  destroy(error?: ProxyError): void;
}

// Connections beyond the limit that are heard all the same, to be told so. Further ones are closed as they come: whoever has
// run into a limit of file descriptors is not helped by holding more of them.
const MAX_REFUSED = 64;

/** Creates a server; nothing listens yet. */
export function createServer(handler: ServerHandler, initial: ServerLimits): Server {
  const limiter = createConnectionLimiter<ClientConnection>(initial.whenFull);
  const listener = createListener(onConnection);
  let limits = initial;
  let isDraining = false;
  let isClosing = false;
  let checking: NodeJS.Timeout | undefined;
  let responses: ResponseServer = {
    headCache: createResponseHeadCache(),
    countUnacknowledged: handler.countUnacknowledged ?? (() => undefined),
    keepAliveLines: "",
    idleMs: 0,
  };
  const context: ServerContext = {
    handler,
    limits: () => limits,
    respond: (carrier, request, options) =>
      new OutgoingResponse(carrier, responses, request, options),
    isDraining: () => isDraining,
    isClosing: () => isClosing,
    admit: limiter.admit,
  };
  configure(initial);
  // A connection that cannot be accepted: libuv keeps a descriptor in reserve to turn it away, and reports EMFILE where it lost
  // that one too. Unheard, the report would end the process, and with it everything that is still served.
  listener.on("error", () => undefined);

  return {
    configure,
    listen: (address) => listen(listener, address),
    connections: limiter.size,
    busy: () => [...limiter.all()].filter((connection) => connection.isBusy()).length,
    drain() {
      isDraining = true;
      for (const connection of limiter.all()) connection.drain();
    },
    close() {
      isClosing = true;
      const closed = new Promise<void>((resolve) => {
        listener.close(() => {
          clearInterval(checking);
          resolve();
        });
      });
      for (const connection of limiter.all()) connection.close();
      return closed;
    },
    destroy(error) {
      for (const connection of limiter.all()) connection.destroy(error);
    },
  };

  function onConnection(socket: Socket): void {
    // Asked at once, which makes node remember it: a peer's address is lost when the peer resets the connection, and a request
    // without one would reach the upstream as if headgate itself had sent it. A unix socket has no address at either end.
    if (socket.remoteAddress === undefined && socket.localAddress !== undefined)
      return void socket.destroy();
    const connection = createClientConnection(socket, context);
    limiter.add(connection);
    socket.once("close", () => limiter.remove(connection));
  }

  function configure(changed: ServerLimits): void {
    limits = changed;
    const keepAliveLines = toKeepAliveLines(changed.keepAliveMs);
    responses = { ...responses, keepAliveLines, idleMs: changed.idleMs };
    limiter.limit(changed.connections);
    listener.maxConnections =
      changed.connections === 0 ? Infinity : changed.connections + MAX_REFUSED;
    clearInterval(checking);
    checking = setInterval(check, toCheckMs(changed)).unref();
  }

  // One timer for all of them: arming one for each request costs more than the request's routing.
  function check(): void {
    const nowMs = performance.now();
    for (const connection of limiter.all()) connection.check(nowMs);
  }
}

/** Often enough that no limit is overrun by more than a quarter, or a second. */
function toCheckMs({ headerMs, keepAliveMs }: ServerLimits): number {
  return Math.min(1_000, Math.max(50, Math.min(headerMs, keepAliveMs) / 4));
}
