/** The server for clients: listening, limits, and an orderly end. The other files of this folder are its parts. */

import type { Server as Listener, Socket } from "node:net";

import type { Address } from "../config/address.ts";
import { toKeepAliveLines } from "../http/wire/serialize.ts";
import type { ProxyError } from "../http/errors.ts";
import type { ServerHandler, ServerLimits } from "./server-handler.ts";
import type { AcceptedConnection, ClientConnection, ServerContext } from "./client-connection.ts";
import { createHttp1Connection } from "./http1/connection.ts";
import { createResponseHeadCache } from "./http1/head-cache.ts";
import { closeListener, createListener, listen } from "./listener.ts";
import { createConnectionLimiter } from "./admission.ts";
import { type OpeningConfig, beginsWithHttp, createOpening, readOpening } from "./opening.ts";
import { toClientPeer } from "./peer.ts";
import type { ResponseContext } from "./http1/response.ts";

/** A listening server. */
export interface Server {
  /**
   * Starts to listen on one more address. Resolves with the location as a URL or `unix:/path`. Rejects with Node's error (EADDRINUSE,
   * EACCES, …).
   */
  listen(address: Address, opening?: OpeningConfig): Promise<string>;
  /** Sets how further connections begin, in the order of the calls of `listen`. */
  reopen(openings: readonly OpeningConfig[]): void;
  connections(): number;
  /** The number of exchanges in progress. */
  inFlight(): number;
  /** Sets the limits. They apply from the next connection (`headerBytes`) or the next request on. */
  configure(limits: ServerLimits): void;
  /** Makes every further response close its connection (`Connection: close`). */
  drain(): void;
  /** Stops listening, and closes idle connections at once. Resolves when the last exchange is over. */
  close(): Promise<void>;
  /** Closes all connections at once; their exchanges end with `error`. */
  destroy(error?: ProxyError): void;
}

/** One listening socket, and how its further connections begin. */
interface ListeningSocket {
  readonly listener: Listener;
  opening: OpeningConfig;
}

const PLAIN: OpeningConfig = { proxyProtocol: undefined, tls: undefined, http2: false };

// So many connections over the limit are accepted and get a 503. Further ones are closed at once, because each one takes a file
// descriptor.
const MAX_REFUSED = 64;

/** Creates a server. Nothing listens until `listen`. */
export function createServer(handler: ServerHandler, initial: ServerLimits): Server {
  const limiter = createConnectionLimiter<ClientConnection>(initial.whenFull);
  const sockets: ListeningSocket[] = [];
  let limits = initial;
  let isDraining = false;
  let isClosing = false;
  let checking: NodeJS.Timeout | undefined;
  let responseContext: ResponseContext = {
    headCache: createResponseHeadCache(),
    countUnacknowledged: handler.countUnacknowledged ?? (() => undefined),
    keepAliveLines: "",
    idleMs: 0,
  };
  const context: ServerContext = {
    handler,
    limits: () => limits,
    responseContext: () => responseContext,
    isDraining: () => isDraining,
    isClosing: () => isClosing,
    admit: limiter.admit,
  };
  configure(initial);

  return {
    configure,
    async listen(address, opening = PLAIN) {
      const listening: ListeningSocket = { listener: createListener(onAccepted), opening };
      function onAccepted(socket: Socket): void {
        onConnection(socket, listening.opening);
      }
      // A connection that cannot be accepted: libuv reserves one file descriptor to reject it, and emits EMFILE if that one is gone too.
      // Without a listener, the error would end the process.
      listening.listener.on("error", () => undefined);
      const scheme = opening.tls === undefined ? "http" : "https";
      const location = await listen(listening.listener, address, scheme);
      sockets.push(listening);
      limitAccepted(listening, limits);
      return location;
    },
    reopen(openings) {
      for (const [index, listening] of sockets.entries())
        listening.opening = openings[index] ?? listening.opening;
    },
    connections: limiter.size,
    inFlight: () => {
      let count = 0;
      for (const connection of limiter.all()) count += connection.inFlight();
      return count;
    },
    drain() {
      isDraining = true;
      for (const connection of limiter.all()) connection.drain();
    },
    async close() {
      isClosing = true;
      const closed = sockets.map(({ listener }) => closeListener(listener));
      for (const connection of limiter.all()) connection.close();
      await Promise.all(closed);
      clearInterval(checking);
    },
    destroy(error) {
      for (const connection of limiter.all()) connection.destroy(error);
    },
  };

  function onConnection(transport: Socket, config: OpeningConfig): void {
    // Read now, because Node caches it: after a reset by the peer the address is lost, and a request without an address would reach the
    // upstream as if headgate itself had sent it. A unix socket has no address at either end.
    if (transport.remoteAddress === undefined && transport.localAddress !== undefined)
      return void transport.destroy();
    if (beginsWithHttp(config))
      return serve({ socket: transport, transport, peer: toClientPeer(transport) });
    const opening = createOpening(transport, limits.headerMs, ({ stage, clientInfo }, reason) =>
      handler.onUnopened?.({ stage, reason, peer: toClientPeer(transport, clientInfo) }),
    );
    transport.on("error", () => undefined);
    limiter.add(opening);
    transport.once("close", () => limiter.remove(opening));
    readOpening(transport, config, opening)
      .then((opened) => {
        limiter.remove(opening);
        if (isClosing || opened === undefined) opening.destroy();
        else if (!transport.destroyed) serve(opened.accepted, opened.create);
      })
      .catch(opening.fail);
  }

  function serve(accepted: AcceptedConnection, create = createHttp1Connection): void {
    const connection = create(accepted, context);
    limiter.add(connection);
    accepted.transport.once("close", () => limiter.remove(connection));
  }

  function configure(changed: ServerLimits): void {
    limits = changed;
    const keepAliveLines = toKeepAliveLines(changed.keepAliveMs);
    responseContext = { ...responseContext, keepAliveLines, idleMs: changed.idleMs };
    limiter.limit(changed.connections);
    for (const listening of sockets) limitAccepted(listening, changed);
    clearInterval(checking);
    checking = setInterval(check, toCheckMs(changed)).unref();
  }

  // One timer for all connections: a timer for each request would cost more than the request's routing.
  function check(): void {
    const nowMs = performance.now();
    for (const connection of limiter.all()) connection.check(nowMs);
  }
}

function limitAccepted({ listener }: ListeningSocket, { connections }: ServerLimits): void {
  listener.maxConnections = connections === 0 ? Infinity : connections + MAX_REFUSED;
}

/** Returns the interval of the checks: a time limit is exceeded by at most a quarter, or by a second. */
function toCheckMs({ headerMs, keepAliveMs }: ServerLimits): number {
  return Math.min(1_000, Math.max(50, Math.min(headerMs, keepAliveMs) / 4));
}
