/** A plain node:http server before `createTunnels`, and upstreams that speak raw bytes. */

import { EventEmitter, once } from "node:events";
import { createServer, type IncomingMessage, ServerResponse } from "node:http";
import {
  connect,
  createServer as createTcpServer,
  type AddressInfo,
  type Server,
  type Socket,
} from "node:net";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { TestContext } from "node:test";
import type { UpstreamConfig } from "../../src/config/schema.ts";
import { type ProxyError, toProxyError } from "../../src/http/errors.ts";
import {
  createTunnels,
  type RefusedUpgrade,
  type TunnelEnd,
  type TunnelRequest,
} from "../../src/net/tunnel.ts";

/** What became of one call of open(): exactly one of the two. */
export interface Outcome {
  readonly end?: TunnelEnd;
  readonly error?: ProxyError;
}

/** A door in front of `upstream`. `ended()` waits for the next upgrade that is over. */
export async function startDoor(
  t: TestContext,
  upstream: UpstreamConfig,
  overrides: Partial<TunnelRequest> = {},
) {
  const tunnels = createTunnels();
  const clients: Socket[] = [];
  const outcomes: Outcome[] = [];
  const waiting: ((outcome: Outcome) => void)[] = [];
  const settle = (outcome: Outcome): void => {
    const next = waiting.shift();
    if (next === undefined) outcomes.push(outcome);
    else next(outcome);
  };
  const server = createServer({ keepAliveTimeout: 0 });
  server.on("upgrade", (incoming, client, early) => {
    const request = toTunnelRequest(incoming, client, early);
    clients.push(client as Socket);
    tunnels.open({ ...request, upstream, ...overrides }).then(
      (end) => settle({ end }),
      (error: ProxyError) => {
        if (client.writable)
          client.end(
            `HTTP/1.1 ${error.status} x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
          );
        settle({ error });
      },
    );
  });
  const port = await listen(t, server);
  return {
    port,
    tunnels,
    /** The clients' sockets as the door sees them. */
    clients,
    ended: () =>
      new Promise<Outcome>((resolve) => {
        const outcome = outcomes.shift();
        if (outcome === undefined) waiting.push(resolve);
        else resolve(outcome);
      }),
    /** True if nothing settled that nobody waited for. */
    quiet: () => outcomes.length === 0,
  };
}

function toTunnelRequest(
  incoming: IncomingMessage,
  client: Duplex,
  early: Buffer,
): Omit<TunnelRequest, "upstream"> {
  const fields: string[] = [];
  for (let i = 0; i + 1 < incoming.rawHeaders.length; i += 2) {
    const name = incoming.rawHeaders[i] ?? "";
    if (!/^(?:connection|upgrade)$/i.test(name))
      fields.push(name, incoming.rawHeaders[i + 1] ?? "");
  }
  return {
    client,
    early,
    method: incoming.method ?? "",
    target: incoming.url ?? "",
    fields,
    token: incoming.headers.upgrade ?? "",
    upgradeMs: 5_000,
    // Long enough that a timer left behind would keep the test process alive past its own limit.
    idleMs: 3_600_000,
    onSwitched: () => {},
    refuse: (answer) => relay(incoming, client, answer),
  };
}

/** How a caller may relay a refusal: a ServerResponse on the client's socket does the framing. */
async function relay(
  incoming: IncomingMessage,
  client: Duplex,
  answer: RefusedUpgrade,
): Promise<void> {
  const response = new ServerResponse(incoming);
  response.shouldKeepAlive = false;
  response.sendDate = false;
  response.assignSocket(client as Socket);
  // After an upgrade Node's server no longer tells the response that its socket has drained: the relay would stall for ever.
  client.on("drain", () => response.emit("drain"));
  const fields: string[] = [];
  for (let i = 0; i + 1 < answer.rawFields.length; i += 2) {
    const name = answer.rawFields[i] ?? "";
    if (!/^(?:connection|transfer-encoding|keep-alive)$/i.test(name))
      fields.push(name, answer.rawFields[i + 1] ?? "");
  }
  response.writeHead(answer.status, answer.reason, [...fields, "Connection", "close"]);
  response.flushHeaders();
  await pipeline(answer.body, response);
}

type Speak = (socket: Socket, head: Promise<string>) => void;

/** An upstream that hands every connection to `speak` as a raw socket. Errors of its sockets are nobody's concern. */
export async function startRawUpstream(t: TestContext, speak: Speak, path?: string) {
  const heads = new EventEmitter();
  const sockets: Socket[] = [];
  const server = createTcpServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    const head = readHead(socket);
    head.then((text) => heads.emit("head", text)).catch(() => {});
    speak(socket, head);
  });
  const port = path === undefined ? await listen(t, server) : 0;
  if (path !== undefined) {
    server.listen(path);
    await once(server, "listening");
    t.after(() => server.close());
  }
  t.after(() => sockets.forEach((socket) => socket.destroy()));
  /** The head of the next request. Ask before the client sends it. */
  const nextHead = async (): Promise<string> => ((await once(heads, "head")) as [string])[0];
  return { port, server, sockets, nextHead, config: toUpstream({ port, socketPath: path }) };
}

/** Answers the head of each connection with `answer`, then hands the socket over. */
export function answerHead(
  answer: string,
  then: (socket: Socket, head: string) => void = () => {},
): Speak {
  return (socket, read) => {
    const answered = read.then((head) => {
      socket.write(answer, "latin1");
      then(socket, head);
    });
    answered.catch(() => {});
  };
}

/** The bytes up to the empty line. The socket is paused afterwards and still holds those behind it. */
export function readHead(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    const collect = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk]);
      const end = bytes.indexOf("\r\n\r\n");
      if (end < 0) return;
      socket.off("data", collect).pause();
      if (end + 4 < bytes.length) socket.unshift(bytes.subarray(end + 4));
      resolve(bytes.subarray(0, end + 4).toString("latin1"));
    };
    socket.on("data", collect).resume();
    socket.once("close", () => reject(new Error(`closed after: ${bytes.toString("latin1")}`)));
  });
}

/** Everything up to the peer's FIN or RST. */
export async function readAll(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", () => {});
  socket.resume();
  if (!socket.readableEnded && !socket.destroyed) {
    await new Promise((resolve) => socket.once("end", resolve).once("close", resolve));
  }
  return Buffer.concat(chunks).toString("latin1");
}

/** Exactly `size` bytes. */
export async function readBytes(socket: Socket, size: number): Promise<string> {
  let text = "";
  socket.resume();
  while (text.length < size) {
    const [chunk] = (await once(socket, "data")) as [Buffer];
    text += chunk.toString("latin1");
  }
  socket.pause();
  return text;
}

/** A client that has connected; errors show as the close that follows them. */
export async function startClient(t: TestContext, port: number, text = ""): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => {});
  t.after(() => socket.destroy());
  await once(socket, "connect");
  if (text !== "") socket.write(text, "latin1");
  return socket;
}

export const UPGRADE =
  "GET /chat HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: foo/2\r\n\r\n";
export const SWITCHED =
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo/2\r\n\r\n";

/** The error code that broke the socket, or undefined after a clean close. */
export async function breakOf(socket: Socket): Promise<string | undefined> {
  // A FIN is answered with one, or a socket that may be half open never closes.
  socket.once("end", () => socket.end()).resume();
  if (!socket.closed) await new Promise((resolve) => socket.once("close", resolve));
  return socket.errored === null ? undefined : toProxyError(socket.errored).code;
}

export function toUpstream(
  url: Partial<UpstreamConfig["url"]>,
  rest: Partial<UpstreamConfig> = {},
): UpstreamConfig {
  return {
    name: "default",
    url: {
      protocol: "http:",
      host: "127.0.0.1",
      port: 80,
      socketPath: undefined,
      authority: "x",
      ...url,
    },
    connectTimeout: 2_000,
    responseTimeout: 60_000,
    idleTimeout: 300_000,
    keepAlive: 4_000,
    maxConnections: 256,
    host: "preserve",
    tls: undefined,
    ...rest,
  };
}

async function listen(t: TestContext, server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}
