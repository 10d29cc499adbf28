/** The client's side: listening, node's limits and time limits, an orderly end. Its parts stand in `server/`. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

import type { Address } from "../config/address.ts";
import { ProxyError } from "../http/errors.ts";
import type { ReceivedRequest } from "../http/request.ts";
import { toPlainRequest } from "../http/upgrade.ts";
import {
  type ClientConnection,
  type WhenFull,
  createConnections,
  hasLastAnswer,
} from "./server/connections.ts";
import { closeGently, closeIdle } from "./server/ending.ts";
import { createHttp, openResponse } from "./server/http.ts";
import { listen } from "./server/listening.ts";
import { createTurns } from "./server/turns.ts";

/** A request whose connection was taken off HTTP. `respond` makes a response on it, to be used once. */
export interface ReceivedUpgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** What came behind the header section. */
  readonly early: Buffer;
  respond(): ServerResponse;
}

/** What the server does with what it parsed. Nothing of it may reject or throw. */
export interface ServerHandler {
  onRequest(request: IncomingMessage, response: ServerResponse): void;
  /**
   * What to do with a request with `Connection: Upgrade` when it is its turn; undefined where it is served as if it had not
   * asked (RFC 9110 §7.8).
   */
  toUpgrade(request: IncomingMessage): ((upgrade: ReceivedUpgrade) => void) | undefined;
  /** Told of what is refused here, of which often nothing is known; returns the id to name it by in the answer. */
  onRefused(error: ProxyError, received: ReceivedRequest): string;
}

/** Times are milliseconds. */
export interface ServerLimits {
  readonly headerMs: number;
  readonly keepAliveMs: number;
  /** How long a client that has an answer to read may take nothing of it; 0 = for ever. */
  readonly idleMs: number;
  readonly headerBytes: number;
  /** At one time; 0 = no limit. */
  readonly connections: number;
  /** What becomes of a connection beyond that; it cannot be changed later. */
  readonly whenFull: WhenFull;
}

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
  /** Cuts what is left. */
  destroy(): void;
}

// Connections beyond the limit that are heard all the same, to be told so. Further ones are closed as they come: whoever has
// run into a limit of file descriptors is not helped by holding more of them.
const MOST_REFUSED = 64;

/** Creates a server; nothing listens yet. */
export function createServer(handler: ServerHandler, limits: ServerLimits): Server {
  const http = createHttp(limits);
  const connections = createConnections(limits.whenFull);
  const turns = createTurns(handler);
  let isDraining = false;
  setLimits(limits);

  http.on("connection", (socket: Socket) => {
    if (connections.get(socket) !== undefined) return; // served again after an upgrade that was not wanted
    // Asked at once, which makes node remember it: a peer's address is lost when the peer resets the connection, and a request
    // without one would reach the upstream as if headgate itself had sent it. A unix socket has no address at either end.
    if (socket.remoteAddress === undefined && socket.localAddress !== undefined)
      return void socket.destroy();
    closeGently(connections.add(socket));
  });
  for (const event of ["request", "checkContinue", "checkExpectation"]) http.on(event, onRequest);
  http.on("upgrade", (request, socket, early) => {
    const connection = takeOver(socket);
    if (connection === undefined) return void socket.destroy();
    // Also where it is not followed: handed back to node while another answer is under way, its own would never be looked at.
    inTurn(connection, request, () => {
      const open = isDraining ? undefined : handler.toUpgrade(request);
      if (open === undefined) return serveWithoutUpgrade(request, socket, early);
      open({ request, socket, early, respond: () => openResponse(request, socket) });
    });
  });
  http.on("connect", (request, socket) => {
    const connection = takeOver(socket);
    if (connection === undefined) return void socket.destroy();
    const refusal = new ProxyError("http_request_error", {
      status: 501,
      title: "CONNECT is not served here",
    });
    turns.take(connection, request, () => turns.refuse(connection, refusal));
  });
  // Fires for a connection without traffic, also where the upstream is what everybody waits for: that is the route's to limit.
  http.on("timeout", (socket) => {
    const response = connections.get(socket)?.current?.response;
    if (response === undefined || response.writableLength > 0) socket.destroy();
  });
  http.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    const connection = connections.get(socket);
    if (connection === undefined || error.code === "ECONNRESET") socket.destroy();
    else turns.onUnreadable(connection, error);
  });
  // A connection that cannot be accepted: libuv keeps a descriptor in reserve to turn it away, and reports EMFILE where it lost
  // that one too. Unheard, the report would end the process, and with it everything that is still served.
  http.on("error", () => undefined);

  return {
    configure: setLimits,
    listen: (address) => listen(http, address),
    connections: connections.size,
    busy: () => [...connections.all()].filter(({ current }) => current !== undefined).length,
    drain() {
      isDraining = true;
      turns.drain();
      for (const { current } of connections.all()) {
        if (current !== undefined && !current.response.headersSent)
          current.response.shouldKeepAlive = false;
      }
    },
    close() {
      turns.close();
      const closed = new Promise<void>((resolve) => {
        http.close(() => resolve());
      });
      // node counts a connection that never sent a byte as busy, and one that only lingers.
      for (const connection of connections.all()) {
        const { socket, current, lingering } = connection;
        if (socket.bytesRead === 0 || hasLastAnswer(connection)) socket.destroy();
        else if (current === undefined && lingering?.complete === false)
          closeIdle(socket, lingering);
      }
      return closed;
    },
    destroy() {
      for (const { socket } of connections.all()) socket.destroy();
    },
  };

  function setLimits(changed: ServerLimits): void {
    http.headersTimeout = changed.headerMs;
    http.keepAliveTimeout = changed.keepAliveMs;
    http.timeout = changed.idleMs;
    connections.limit(changed.connections);
    http.maxConnections = changed.connections === 0 ? Infinity : changed.connections + MOST_REFUSED;
    Object.assign(http, { maxHeaderSize: changed.headerBytes }); // node reads it for each connection; its types do not say so
  }

  function onRequest(request: IncomingMessage, response: ServerResponse): void {
    const connection = connections.get(request.socket);
    if (connection === undefined) return void request.socket.destroy();
    inTurn(connection, request, () => turns.serve(connection, request, response));
  }

  // Whether there is a place is asked as late as can be: one may have become free since the client connected.
  function inTurn(connection: ClientConnection, request: IncomingMessage, task: () => void): void {
    turns.take(connection, request, () => {
      if (connections.admit(connection)) return task();
      const refusal = new ProxyError("connection_limit_reached", {
        title: "Too many connections",
      });
      turns.refuse(connection, refusal, request);
    });
  }

  // node takes its listeners away from a socket that it hands over, while an answer may still be under way on it.
  function takeOver(socket: Duplex): ClientConnection | undefined {
    const connection = connections.get(socket);
    socket.on("error", () => undefined);
    socket.on("drain", () => connection?.current?.response.emit("drain"));
    return connection;
  }

  function serveWithoutUpgrade(request: IncomingMessage, socket: Duplex, early: Buffer): void {
    const { method = "", url = "", httpVersion, rawHeaders } = request;
    const plain = toPlainRequest({ method, target: url, httpVersion, rawFields: rawHeaders });
    socket.unshift(Buffer.concat([Buffer.from(plain, "latin1"), early]));
    http.emit("connection", socket);
  }
}
