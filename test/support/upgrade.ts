/** headgate between clients and upstreams that use upgrades in raw bytes. */

import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { listenOn } from "./listen.ts";
import { type LogLine, type Sidecar, startSidecar } from "./sidecar.ts";

const PATIENCE_MS = 15_000;

/** The options of `startDoor`. */
export interface DoorOptions {
  /** Further keys of the upstream beside `url`. */
  readonly upstream?: string;
  /** The rest of the route file. */
  readonly yaml?: string;
  /** Set by tests about errors: without it, an error line fails the test. */
  readonly expectsErrors?: true;
}

/** A headgate in front of an upstream. */
export interface Door extends Sidecar {
  /** Resolves with the log line of the next exchange that has ended and was not returned before. */
  ended(): Promise<LogLine>;
  /** Resolves when no exchange, tunnel or upstream connection is in use. */
  untilNothingIsOpen(): Promise<void>;
}

/** Starts headgate in front of the upstream at `url`. Client fields are passed unchanged. */
export async function startDoor(
  t: TestContext,
  url: string,
  { upstream = "", yaml = "", expectsErrors }: DoorOptions = {},
): Promise<Door> {
  // Connections that a failing test leaves open must not delay the stop for the full grace period.
  const shutdown = /^shutdown:/m.test(yaml) ? "" : "shutdown: { grace: 2s }";
  const sidecar = await startSidecar(t, {
    yaml: `upstream: { url: "${url}", ${upstream} }\nforwarded: off\n${shutdown}\n${yaml}`,
    ...(expectsErrors && { expectsErrors }),
  });
  const known = new Set<LogLine>();
  return {
    ...sidecar,
    async ended() {
      const line = await sidecar.line(
        (one) => one["http.request.method"] !== undefined && !known.has(one),
      );
      known.add(line);
      return line;
    },
    untilNothingIsOpen: () =>
      untilGauges(sidecar.adminPort, {
        headgate_tunnels: 0,
        headgate_requests_in_flight: 0,
        'headgate_upstream_connections{upstream="default",state="active"}': 0,
      }),
  };
}

/** Resolves when the metrics of that admin port have these values. */
export async function untilGauges(
  adminPort: number,
  wanted: Readonly<Record<string, number>>,
): Promise<void> {
  const untilMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const page = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
    const lines = page.split("\n");
    const missing = Object.entries(wanted)
      .map(([name, value]) => `${name} ${value}`)
      .filter((line) => !lines.includes(line));
    if (missing.length === 0) return;
    assert.ok(performance.now() < untilMs, `not in the metrics: ${missing.join(", ")}\n${page}`);
  }
}

type Speak = (socket: Socket, head: Promise<string>) => void;

/** An upstream that passes every connection to `speak` as a raw socket. */
export async function startRawUpstream(t: TestContext, speak: Speak, path?: string) {
  const heads = new EventEmitter();
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    const head = readHead(socket);
    head.then((text) => heads.emit("head", text)).catch(() => {});
    speak(socket, head);
  });
  const port = await listenOn(t, server, path);
  /** The header section of the next request. Call it before the client sends the request. */
  const nextHead = async (): Promise<string> => ((await once(heads, "head")) as [string])[0];
  const url = path === undefined ? `http://127.0.0.1:${port}` : `unix:${path}`;
  return { port, url, server, sockets, nextHead };
}

/** Responds to the header section of each connection with `answer`, then passes the socket on. */
export function respondWith(
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

/** Reads the bytes up to the empty line, and rejects if the connection ends before. The socket is paused afterwards and still holds the rest. */
export function readHead(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    const fail = (): void => reject(new Error(`ended after: ${bytes.toString("latin1")}`));
    const collect = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk]);
      const end = bytes.indexOf("\r\n\r\n");
      if (end < 0) return;
      socket.off("data", collect).off("end", fail).off("close", fail).pause();
      if (end + 4 < bytes.length) socket.unshift(bytes.subarray(end + 4));
      resolve(bytes.subarray(0, end + 4).toString("latin1"));
    };
    socket.on("data", collect).once("end", fail).once("close", fail).resume();
  });
}

/** Reads everything up to the peer's FIN or RST. */
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

/** Reads `size` bytes, or the few more that came with them. Rejects if the connection ends before. */
export function readBytes(socket: Socket, size: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const fail = (): void => reject(new Error(`ended after ${text.length} of ${size} bytes`));
    const collect = (chunk: Buffer): void => {
      text += chunk.toString("latin1");
      if (text.length < size) return;
      socket.off("data", collect).off("end", fail).off("close", fail).pause();
      resolve(text);
    };
    if (socket.readableEnded || socket.destroyed) return fail();
    socket.on("data", collect).once("end", fail).once("close", fail).resume();
  });
}

/** A connected client; an error is visible as the close that follows it. */
export async function startClient(t: TestContext, port: number, text = ""): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => {});
  t.after(() => void socket.destroy());
  await once(socket, "connect");
  if (text !== "") socket.write(text, "latin1");
  return socket;
}

/** A request to upgrade. */
export const UPGRADE =
  "GET /chat HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: foo/2\r\n\r\n";
/** The response that switches protocols. */
export const SWITCHED =
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo/2\r\n\r\n";

/** Starts headgate in front of an upstream, and a client that has sent `UPGRADE`. */
export async function startUpgrade(t: TestContext, speak: Speak, options: DoorOptions = {}) {
  const upstream = await startRawUpstream(t, speak);
  const door = await startDoor(t, upstream.url, options);
  const client = await startClient(t, door.port, UPGRADE);
  return { upstream, door, client };
}

/** An open tunnel; both ends are paused and have no unread bytes. */
export async function startTunnel(t: TestContext, options: DoorOptions = {}) {
  const { upstream, door, client } = await startUpgrade(t, respondWith(SWITCHED), options);
  await readHead(client);
  return { client, upstream: upstream.sockets[0] ?? assert.fail(), door };
}

/** How a socket's connection ended: "end" in order, "reset" otherwise. */
export async function closeKindOf(socket: Socket): Promise<"end" | "reset"> {
  // A FIN needs a FIN in return: otherwise a socket that allows half-open connections never closes.
  if (socket.readableEnded) socket.end();
  else socket.once("end", () => socket.end()).resume();
  if (!socket.closed) await new Promise((resolve) => socket.once("close", resolve));
  return socket.errored === null ? "end" : "reset";
}
