/** The client's side: listening, node's limits and time limits, one exchange at a time on a connection, an orderly end. */

import {
  type IncomingMessage,
  type Server as HttpServer,
  ServerResponse,
  STATUS_CODES,
  createServer as createHttpServer,
} from "node:http";
import type { ListenOptions, Socket } from "node:net";
import type { Duplex } from "node:stream";

import type { Address } from "../config/address.ts";
import { ProxyError } from "../http/errors.ts";
import { type LocalAnswer, toProblem } from "../http/problem.ts";
import { toPlainRequest } from "../http/upgrade.ts";

/** A request whose connection was taken off HTTP. `respond` makes a response on it, to be used once. */
export interface ReceivedUpgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly early: Buffer;
  respond(): ServerResponse;
}

/** What the server does with what it parsed. Neither may reject. */
export interface ServerHandler {
  onRequest(request: IncomingMessage, response: ServerResponse): void;
  /** Whether a request with `Connection: Upgrade` is tunnelled; otherwise it is served as if it had not asked (RFC 9110 §7.8). */
  isUpgrade(request: IncomingMessage): boolean;
  onUpgrade(upgrade: ReceivedUpgrade): void;
  /** Told of a message that could not be read as a request; returns the id to name it by in the answer. */
  onRefused(error: ProxyError, socket: Socket): string;
}

/** Times are milliseconds. */
export interface ServerLimits {
  readonly headerMs: number;
  readonly keepAliveMs: number;
  /** How long a client that has an answer to read may take nothing of it; 0 = for ever. */
  readonly idleMs: number;
  readonly headerBytes: number;
  /** Connections beyond this are closed as they come; 0 = no limit. */
  readonly connections: number;
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

// How long a client may go on sending what nobody wants any more after its answer: long enough for one that reads the answer
// only after its upload (nginx's lingering_time), not for ever.
const LINGER_MS = 30_000;
// The same where the answer closes the connection: a client that pauses this long has stopped sending.
const LINGER_IDLE_MS = 1_000;
// Requests that are read ahead on one connection before the first is answered; further ones wait in the network.
const MOST_PIPELINED = 256;

interface Waiting {
  readonly request: IncomingMessage;
  start(): void;
}

interface ClientConnection {
  readonly socket: Socket;
  /** Waiting their turn: a pipelined request may depend on what the one before it changed (RFC 9112 §9.3.2). */
  readonly queue: Waiting[];
  current: { readonly request: IncomingMessage; readonly response: ServerResponse } | undefined;
  /** The request that was answered last, while its content still comes. */
  lingering: IncomingMessage | undefined;
  /** What made the connection unreadable, to be said when it is its turn. */
  refusal: ProxyError | undefined;
}

/** Creates a server; nothing listens yet. */
export function createServer(handler: ServerHandler, limits: ServerLimits): Server {
  const http: HttpServer = createHttpServer({
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headerMs,
    // Two reads of the upstream: with node's 16 KiB every chunk of a download stops the upstream and starts it again.
    highWaterMark: 128 * 1024,
    requestTimeout: 0, // would cut long uploads; a stalled one is cut by the idle limit of its route
    connectionsCheckingInterval: Math.min(1_000, Math.max(50, limits.headerMs / 4)),
    keepAliveTimeout: limits.keepAliveMs,
    requireHostHeader: false, // checked in http/target.ts, with a better answer
    insecureHTTPParser: false, // said out loud, so that NODE_OPTIONS cannot say otherwise
  });
  http.maxHeadersCount = 0; // node drops fields beyond its count without a word; http/request.ts refuses them
  setLimits(limits);

  const connections = new Map<Duplex, ClientConnection>();
  let isDraining = false;
  let isClosing = false;

  http.on("connection", (socket: Socket) => {
    if (connections.has(socket)) return; // served again after an upgrade that was not wanted
    // Asked at once, which makes node remember it: a peer's address is lost when the peer resets the connection, and a request
    // without one would reach the upstream as if headgate itself had sent it. A unix socket has no address at either end.
    if (socket.remoteAddress === undefined && socket.localAddress !== undefined)
      return void socket.destroy();
    const connection: ClientConnection = {
      socket,
      queue: [],
      current: undefined,
      lingering: undefined,
      refusal: undefined,
    };
    connections.set(socket, connection);
    closeGently(connection);
    socket.once("close", () => connections.delete(socket));
  });
  http.on("request", enqueue);
  http.on("checkContinue", enqueue);
  http.on("checkExpectation", enqueue);
  http.on("upgrade", (request, socket, early) => {
    const connection = takeOver(socket);
    if (connection === undefined) return void socket.destroy();
    inTurn(connection, request, () => {
      if (isDraining || !handler.isUpgrade(request))
        return serveWithoutUpgrade(request, socket, early);
      handler.onUpgrade({ request, socket, early, respond: () => openResponse(request, socket) });
    });
  });
  http.on("connect", (request, socket) => {
    const connection = takeOver(socket);
    if (connection === undefined) return void socket.destroy();
    const refusal = new ProxyError("http_request_error", {
      status: 501,
      title: "CONNECT is not served here",
    });
    inTurn(connection, request, () => refuse(connection, refusal, request));
  });
  // Fires for a connection without traffic, also where the upstream is what everybody waits for: that is the route's to limit.
  http.on("timeout", (socket) => {
    const response = connections.get(socket)?.current?.response;
    if (response === undefined || response.writableLength > 0) socket.destroy();
  });
  http.on("clientError", (error: NodeJS.ErrnoException, socket) => onClientError(error, socket));

  return {
    configure: setLimits,
    listen: (address) => listen(http, address),
    connections: () => connections.size,
    busy: () => [...connections.values()].filter(({ current }) => current !== undefined).length,
    drain() {
      isDraining = true;
      for (const { current } of connections.values()) {
        if (current !== undefined && !current.response.headersSent)
          current.response.shouldKeepAlive = false;
      }
    },
    close() {
      isClosing = true;
      const closed = new Promise<void>((resolve) => {
        http.close(() => resolve());
      });
      // node counts a connection that never sent a byte as busy, and one that only lingers.
      for (const connection of connections.values()) {
        const { socket, current, lingering } = connection;
        if (socket.bytesRead === 0 || hasLastAnswer(connection)) socket.destroy();
        else if (current === undefined && lingering?.complete === false)
          closeIdle(socket, lingering);
      }
      return closed;
    },
    destroy() {
      for (const socket of connections.keys()) socket.destroy();
    },
  };

  function setLimits(changed: ServerLimits): void {
    http.headersTimeout = changed.headerMs;
    http.keepAliveTimeout = changed.keepAliveMs;
    http.timeout = changed.idleMs;
    http.maxConnections = changed.connections === 0 ? Infinity : changed.connections;
    Object.assign(http, { maxHeaderSize: changed.headerBytes }); // node reads it for each connection; its types do not say so
  }

  function enqueue(request: IncomingMessage, response: ServerResponse): void {
    const connection = connections.get(request.socket);
    if (connection === undefined) return request.socket.destroy() && undefined;
    inTurn(connection, request, () => serve(connection, request, response));
  }

  // node takes its listeners away from a socket that it hands over, while an answer may still be under way on it.
  function takeOver(socket: Duplex): ClientConnection | undefined {
    const connection = connections.get(socket);
    socket.on("error", () => undefined);
    socket.on("drain", () => connection?.current?.response.emit("drain"));
    return connection;
  }

  function inTurn(connection: ClientConnection, request: IncomingMessage, start: () => void): void {
    if (hasLastAnswer(connection)) return;
    if (connection.current === undefined && connection.queue.length === 0) return start();
    connection.queue.push({ request, start });
    if (connection.queue.length === MOST_PIPELINED) hold(connection.socket);
  }

  function serve(
    connection: ClientConnection,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    connection.current = { request, response };
    if (isDraining) response.shouldKeepAlive = false;
    response.once("close", () => onServed(connection, request));
    handler.onRequest(request, response);
  }

  function onServed(connection: ClientConnection, request: IncomingMessage): void {
    connection.current = undefined;
    if (!request.complete) {
      connection.lingering = request;
      lingerFor(request);
    }
    if (hasLastAnswer(connection)) return;
    const next = connection.queue.shift();
    if (connection.queue.length === MOST_PIPELINED - 1) release(connection.socket);
    const { refusal } = connection;
    // The parser stopped within the content of a request that waited: nothing more of it can come.
    const isBroken = refusal !== undefined && next?.request.complete !== true;
    if (isBroken) refuse(connection, refusal, next?.request);
    else if (next !== undefined) next.start();
    else if (isClosing) closeIdle(connection.socket, request);
  }

  function onClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
    const connection = connections.get(socket);
    if (connection === undefined || error.code === "ECONNRESET") return void socket.destroy();
    if (hasLastAnswer(connection) || connection.refusal !== undefined) return;
    const refusal = toRefusal(error);
    const { current } = connection;
    if (current === undefined) return refuse(connection, refusal, undefined);
    // What is wrong belongs to a later message: the answer under way is owed, and the refusal must not be taken for it.
    if (current.request.complete) connection.refusal = refusal;
    else if (current.response.headersSent) socket.destroy();
    else refuse(connection, refusal, current.request);
  }

  // A refusal is written past node's ServerResponse, because mostly there is no request to respond to.
  function refuse(
    { socket }: ClientConnection,
    error: ProxyError,
    request: IncomingMessage | undefined,
  ): void {
    const problem = toProblem(error, handler.onRefused(error, socket));
    const isHead = request?.method === "HEAD"; // RFC 9110 §9.3.2: the fields of a GET's refusal, and nothing behind them
    socket.end(toBytes(isHead ? { ...problem, body: "" } : problem), "latin1");
    readOn(socket);
  }

  function serveWithoutUpgrade(request: IncomingMessage, socket: Duplex, early: Buffer): void {
    const { method = "", url = "", httpVersion, rawHeaders } = request;
    const plain = toPlainRequest({ method, target: url, httpVersion, rawFields: rawHeaders });
    socket.unshift(Buffer.concat([Buffer.from(plain, "latin1"), early]));
    http.emit("connection", socket);
  }
}

// RFC 9112 §9.6: what a client sends behind the request whose answer closed the connection is not processed. Whoever was
// refused for one reading of its bytes must not get the rest of them through as another request.
function hasLastAnswer({ socket }: ClientConnection): boolean {
  return socket.destroyed || socket.writableEnded;
}

// Stops reading. node resumes a connection after each request that it is done with, which would fill the queue without bound.
function hold(socket: Socket): void {
  socket.pause();
  socket.resume = () => socket;
}

function release(socket: Socket): void {
  Reflect.deleteProperty(socket, "resume");
  socket.resume();
}

// node closes a connection with its last answer, also while the client still sends.
function closeGently(connection: ClientConnection): void {
  const { socket } = connection;
  const destroySoon = socket.destroySoon.bind(socket);
  socket.destroySoon = () => {
    if (connection.current?.request.complete !== false) return destroySoon();
    socket.end();
    readOn(socket);
  };
}

// An answer that had begun before the end did promised to keep the connection, which nobody waits for now.
function closeIdle(socket: Socket, request: IncomingMessage): void {
  if (request.complete) return socket.destroySoon();
  socket.end();
  readOn(socket);
}

// Closing at once would reset the connection while the client still sends, and take the answer from its buffer.
function readOn(socket: Socket): void {
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  timer.unref();
  socket.setTimeout(LINGER_IDLE_MS, () => socket.destroy());
  socket.once("close", () => clearTimeout(timer));
  socket.resume();
}

function openResponse(request: IncomingMessage, socket: Duplex): ServerResponse {
  const response = new ServerResponse(request);
  response.assignSocket(socket as Socket);
  // node passes a socket's `drain` on to its response only for connections that are still HTTP's.
  socket.on("drain", () => response.emit("drain"));
  response.shouldKeepAlive = false;
  // Nor does it end the connection after the answer.
  response.once("finish", () => {
    socket.end();
    readOn(socket as Socket);
  });
  return response;
}

function lingerFor(request: IncomingMessage): void {
  request.resume();
  const timer = setTimeout(() => request.socket.destroy(), LINGER_MS);
  timer.unref();
  const clear = (): void => clearTimeout(timer);
  request.once("end", clear).once("close", clear);
}

function toRefusal(error: NodeJS.ErrnoException): ProxyError {
  const refusal = (status: number, title: string): ProxyError =>
    new ProxyError("http_request_error", { status, title, cause: error });
  switch (error.code) {
    case "HPE_HEADER_OVERFLOW":
      return refusal(431, "The request's header section is too large");
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return refusal(413, "The request's chunk extensions are too large");
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return refusal(408, "The request's header section did not come in time");
    default:
      return refusal(400, "The request is not valid HTTP");
  }
}

function toBytes({ status, fields, body }: LocalAnswer): string {
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\nConnection: close\r\nDate: ${new Date().toUTCString()}\r\n`;
  for (let index = 0; index < fields.length; index += 2)
    head += `${fields[index]}: ${fields[index + 1]}\r\n`;
  return `${head}\r\n${body}`;
}

function listen(http: HttpServer, address: Address): Promise<string> {
  return new Promise((resolve, reject) => {
    http.once("error", reject);
    http.listen(toListenOptions(address), () => {
      http.off("error", reject);
      const bound = http.address();
      if (bound === null || typeof bound === "string") return resolve(`unix:${bound ?? ""}`);
      const host = bound.family === "IPv6" ? `[${bound.address}]` : bound.address;
      resolve(`http://${host}:${bound.port}`);
    });
  });
}

function toListenOptions(address: Address): ListenOptions {
  switch (address.kind) {
    case "tcp":
      return { host: address.host, port: address.port };
    case "unix":
      return { path: address.path };
    case "fd":
      return { fd: address.fd } as ListenOptions; // node takes it; its types say so only for another overload
  }
}
