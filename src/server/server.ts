/** The server for clients: listening, limits, and an orderly end. Its parts are in `server/`. */

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
  /** Starts to listen. Resolves with the location as a URL or `unix:/path`. Rejects with Node's error (EADDRINUSE, EACCES, …). */
  listen(address: Address): Promise<string>;
  connections(): number;
  /** The number of connections with an exchange in progress. */
  busy(): number;
  /** Sets the limits. They apply from the next connection (`headerBytes`) or the next request on. */
  configure(limits: ServerLimits): void;
  /** Makes every further response close its connection (`Connection: close`). */
  drain(): void;
  /** Stops listening, and closes idle connections at once. Resolves when the last exchange is over. */
  close(): Promise<void>;
  /** Closes all connections at once; their exchanges end with `error`. */
  destroy(error?: ProxyError): void;
}

// So many connections over the limit are accepted and get a 503. Further ones are closed at once, because each one takes a file
// descriptor.
const MAX_REFUSED = 64;

/** Creates a server. Nothing listens until `listen`. */
export function createServer(handler: ServerHandler, initial: ServerLimits): Server {
  const limiter = createConnectionLimiter<ClientConnection>(initial.whenFull);
  const listener = createListener(onConnection);
  let limits = initial;
  let isDraining = false;
  let isClosing = false;
  let checking: NodeJS.Timeout | undefined;
  let responseServer: ResponseServer = {
    headCache: createResponseHeadCache(),
    countUnacknowledged: handler.countUnacknowledged ?? (() => undefined),
    keepAliveLines: "",
    idleMs: 0,
  };
  const context: ServerContext = {
    handler,
    limits: () => limits,
    respond: (carrier, request, options) =>
      new OutgoingResponse(carrier, responseServer, request, options),
    isDraining: () => isDraining,
    isClosing: () => isClosing,
    admit: limiter.admit,
  };
  configure(initial);
  // A connection that cannot be accepted: libuv reserves one file descriptor to reject it, and emits EMFILE if that one is gone too.
  // Without a listener, the error would end the process.
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
    // Read now, because Node caches it: after a reset by the peer the address is lost, and a request without an address would reach the
    // upstream as if headgate itself had sent it. A unix socket has no address at either end.
    if (socket.remoteAddress === undefined && socket.localAddress !== undefined)
      return void socket.destroy();
    const connection = createClientConnection(socket, context);
    limiter.add(connection);
    socket.once("close", () => limiter.remove(connection));
  }

  function configure(changed: ServerLimits): void {
    limits = changed;
    const keepAliveLines = toKeepAliveLines(changed.keepAliveMs);
    responseServer = { ...responseServer, keepAliveLines, idleMs: changed.idleMs };
    limiter.limit(changed.connections);
    listener.maxConnections =
      changed.connections === 0 ? Infinity : changed.connections + MAX_REFUSED;
    clearInterval(checking);
    checking = setInterval(check, toCheckMs(changed)).unref();
  }

  // One timer for all connections: a timer for each request would cost more than the request's routing.
  function check(): void {
    const nowMs = performance.now();
    for (const connection of limiter.all()) connection.check(nowMs);
  }
}

/** Returns the interval of the checks: a time limit is exceeded by at most a quarter, or by a second. */
function toCheckMs({ headerMs, keepAliveMs }: ServerLimits): number {
  return Math.min(1_000, Math.max(50, Math.min(headerMs, keepAliveMs) / 4));
}
