/** The `ws` package on both sides of headgate: a third-party client and server. */

import { once } from "node:events";
import { type IncomingMessage, createServer } from "node:http";
import type { TestContext } from "node:test";
import { type ClientOptions, type ServerOptions, WebSocket, WebSocketServer } from "ws";

import { listenOn } from "./listen.ts";
import { type Sidecar, startSidecar } from "./sidecar.ts";

const MAX_BYTES = 2 ** 30;

/** The server's side of a WebSocket. */
export interface Accepted {
  readonly socket: WebSocket;
  readonly request: IncomingMessage;
}

/** A WebSocket server with headgate in front of it. */
export interface WebSocketStack {
  readonly sidecar: Sidecar;
  readonly server: WebSocketServer;
  /** Opens a WebSocket through headgate, and resolves with both sides. */
  open(
    protocols?: readonly string[],
    options?: ClientOptions,
  ): Promise<Accepted & { readonly client: WebSocket }>;
  /** Starts to open a WebSocket. */
  connect(protocols?: readonly string[], options?: ClientOptions): WebSocket;
}

/** Starts a WebSocket server and headgate in front of it. The sockets do only what the test orders. */
export async function startWebSockets(
  t: TestContext,
  options: ServerOptions = {},
): Promise<WebSocketStack> {
  const http = createServer((_request, response) => response.end("plain"));
  const server = new WebSocketServer({ server: http, maxPayload: MAX_BYTES, ...options });
  const port = await listenOn(t, http);
  const sidecar = await startSidecar(t, { upstream: `http://127.0.0.1:${port}` });
  const connect: WebSocketStack["connect"] = (protocols = [], clientOptions = {}) => {
    const client = new WebSocket(`ws://127.0.0.1:${sidecar.port}/chat?room=1`, [...protocols], {
      maxPayload: MAX_BYTES,
      ...clientOptions,
    });
    client.on("error", () => undefined); // functions that wait for it get the error too
    t.after(() => client.terminate());
    return client;
  };
  return {
    sidecar,
    server,
    connect,
    async open(protocols, clientOptions) {
      const accepted = once(server, "connection") as Promise<[WebSocket, IncomingMessage]>;
      const client = connect(protocols, clientOptions);
      const [[socket, request]] = await Promise.all([accepted, once(client, "open")]);
      return { client, socket, request };
    },
  };
}

/** The next message, as bytes. */
export async function nextMessage(socket: WebSocket): Promise<Buffer> {
  const [data] = (await once(socket, "message")) as [Buffer];
  return data;
}

/** How it closed: the code and the reason. */
export async function closeOf(socket: WebSocket): Promise<readonly [number, string]> {
  const [code, reason] = (await once(socket, "close")) as [number, Buffer];
  return [code, reason.toString()];
}
