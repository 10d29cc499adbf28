/** A raw client: writes the bytes that the test gives it, and reads responses unchanged. */

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type ConnectionOptions, type TLSSocket, connect as connectTls } from "node:tls";
import { reset } from "./reset.ts";
import {
  type ByteReader,
  type CloseKind,
  type Framing,
  type Head,
  type Message,
  framingOf,
  readBody,
  readBytes,
  readHead,
} from "./message.ts";

/** One response as it was received. */
export interface ReceivedResponse extends Message {
  readonly status: number;
  readonly reason: string;
}

/** A client's connection. */
export interface Wire {
  readonly socket: Socket;
  /** Texts are Latin-1: one character is one byte. */
  write(bytes: string | Buffer): void;
  /**
   * Reads exactly one response, interim (1xx) or final; `method` is the request's method, because the response to a HEAD has no body.
   * Bytes after it stay unread, so that a stray one breaks the next read.
   */
  readResponse(method?: string): Promise<ReceivedResponse>;
  /** Reads only a status line and fields, for a response whose body the test reads byte by byte. */
  readHead(): Promise<Head>;
  readonly bytes: ByteReader;
  /** How the connection ended, once it has. Bytes that arrived before can still be read. */
  readonly closed: Promise<CloseKind>;
  /** Sends a FIN and continues to read. */
  halfClose(): void;
  /** Sends a RST. */
  reset(): void;
  /** Stops reading, so that the peer gets backpressure. */
  pause(): void;
  resume(): void;
}

/** The address to connect to: a port of 127.0.0.1, or the path of a unix socket. */
export type WireTarget = number | string;

/** The part of node:test's context that runs cleanups. */
export interface Cleanup {
  after(end: () => void | Promise<void>): void;
}

/** Opens a connection; the end of test `t` destroys it. */
export async function openWire(t: Cleanup, target: WireTarget): Promise<Wire> {
  const where = typeof target === "number" ? { host: "127.0.0.1", port: target } : { path: target };
  const socket = connect({ ...where, allowHalfOpen: true, noDelay: true });
  t.after(() => void socket.destroy());
  const bytes = readBytes(socket);
  await once(socket, "connect");
  return toWire(socket, bytes);
}

/** Opens a connection with TLS; rejects with OpenSSL's error. With TLS 1.3, a refused client certificate shows at the first read only. */
export async function openTlsWire(
  t: Cleanup,
  port: number,
  options: ConnectionOptions,
): Promise<Wire & { readonly socket: TLSSocket }> {
  const socket = connectTls({ host: "127.0.0.1", port, servername: "a.test", ...options });
  t.after(() => void socket.destroy());
  const bytes = readBytes(socket);
  await once(socket, "secureConnect");
  return { ...toWire(socket, bytes), socket };
}

function toWire(socket: Socket, bytes: ByteReader & { readonly closed: Wire["closed"] }): Wire {
  return {
    socket,
    bytes,
    closed: bytes.closed,
    write: (text) =>
      void socket.write(typeof text === "string" ? Buffer.from(text, "latin1") : text),
    readResponse: (method = "GET") => readResponse(bytes, method),
    readHead: () => readHead(bytes),
    halfClose: () => void socket.end(),
    reset: () => reset(socket),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
  };
}

async function readResponse(bytes: ByteReader, method: string): Promise<ReceivedResponse> {
  const head = await readHead(bytes);
  const parts = /^HTTP\/1\.[01] (\d{3}) (.*)$/.exec(head.start);
  if (parts === null) throw new Error(`not a status line: ${JSON.stringify(head.start)}`);
  const status = Number(parts[1]);
  const body = await readBody(bytes, responseFraming(head, status, method));
  return { ...head, ...body, status, reason: parts[2] ?? "" };
}

// RFC 9112 §6.3: these responses end with their header section, whatever their fields announce.
function responseFraming(head: Head, status: number, method: string): Framing {
  const announced = framingOf(head) ?? "close";
  const isBodiless = method === "HEAD" || status < 200 || status === 204 || status === 304;
  return isBodiless ? 0 : announced;
}
