/** Sockets to an upstream. The door of node:net and node:tls for outgoing connections. */

import { Socket, connect as connectPlain, isIP } from "node:net";
import { Duplex } from "node:stream";
import {
  type PeerCertificate,
  type TLSSocket,
  checkServerIdentity,
  connect as connectTls,
} from "node:tls";

import type { UpstreamConfig } from "../config/schema.ts";
import { ProxyError } from "../http/errors.ts";
import type { AttemptEvents } from "./race.ts";
import { type ReadMemory, createReadMemory } from "./read-memory.ts";

/** One connection, as bytes. Nothing of it may be called before `onConnected`, but `destroy`. */
export interface UpstreamSocket {
  /** False where `onDrain` is to be awaited before more is written. Text is latin1. */
  write(bytes: string | Uint8Array): boolean;
  pause(): void;
  resume(): void;
  /** Whether further reads go into memory of this connection's own, for content that is to be kept. */
  readOwn(isOwn: boolean): void;
  /** Whether the bytes that `onRead` lends at the moment are in such memory. */
  readsOwn(): boolean;
  /** Those bytes are the caller's from now on. */
  take(): void;
  /** Whether the upstream does not take what was written. */
  isStuck(): boolean;
  /** Whether all that was written has left. */
  isFlushed(): boolean;
  /** Whether a write has failed; straight after a write: the kernel took nothing of it. */
  isWriteBroken(): boolean;
  /** Bytes that were written and not acknowledged; undefined where the system does not tell. */
  unacknowledged(): number | undefined;
  /** Tells whether the end that `onEnd` told of was an orderly one: no reset, and in TLS a close_notify (RFC 9112 §9.8). */
  confirmEnd(onKnown: (isOrderly: boolean) => void): void;
  /** Sends what was written and then says that nothing more will come. */
  end(onFinished: () => void): void;
  destroy(): void;
  /** Closes so that the upstream sees the connection broken, where the transport can say that. */
  reset(): void;
}

/** What happens to it. `onClosed` comes once and last; nothing comes after `destroy` or `reset`. */
export interface UpstreamSocketEvents {
  onConnected(): void;
  /** `bytes` up to `length` are lent until this returns. */
  onRead(bytes: Buffer, length: number): void;
  /** The kernel took a piece of what was written. */
  onWritten(): void;
  onDrain(): void;
  /** The upstream has sent all that it will. */
  onEnd(): void;
  /** With the error that broke it, if that is what happened. */
  onClosed(error: Error | undefined): void;
}

/** Opens a connection. */
export type Connect = (events: UpstreamSocketEvents) => UpstreamSocket;

/** Where to connect to: an address, never a name. */
export type Place =
  | { readonly host: string; readonly port: number }
  | { readonly path: string; readonly host: "" };

const NOTHING = Buffer.alloc(0);

/**
 * A socket that can still be read after a write has failed.
 *
 * An upstream that refuses an upload answers and closes; what we still send is then answered with a reset, and our next write
 * fails, while its response waits in the receive buffer. Node destroys a socket when a write fails, and the response with it.
 * Here a failed write ends only the writing: the response is read, or the read side tells what happened.
 */
export class TcpSocket extends Socket {
  isWriteBroken = false;
  onWritten: (() => void) | undefined = undefined;
  private callback: (() => void) | undefined = undefined;
  /** One for all writes: a stream begins the next one only when this one has called back. */
  private readonly settle = (error?: Error | null): void => {
    const { callback } = this;
    if (error) this.isWriteBroken = true;
    else this.onWritten?.();
    callback?.();
  };

  override _write(chunk: unknown, encoding: BufferEncoding, callback: () => void): void {
    if (this.isWriteBroken) return callback();
    this.callback = callback;
    // oxlint-disable-next-line no-underscore-dangle -- the name that Node gives it
    super._write(chunk, encoding, this.settle);
  }

  override _writev(
    chunks: { chunk: unknown; encoding: BufferEncoding }[],
    callback: () => void,
  ): void {
    if (this.isWriteBroken) return callback();
    this.callback = callback;
    // Node has it on every socket; its types say that a stream may not.
    // oxlint-disable-next-line no-underscore-dangle -- the name that Node gives it
    super._writev?.(chunks, this.settle);
  }
}

/** Memory that sockets read into: one for all connections of an upstream, and one of its own for content that is to be kept. */
export interface Reading {
  readonly onread: { buffer(): Buffer; callback(length: number, bytes: Uint8Array): boolean };
  readOwn(isOwn: boolean): void;
  readsOwn(): boolean;
  take(): void;
}

/** Creates what reads of one connection go into. `onLost` is told where a read was not delivered. */
export function createReading(
  shared: ReadMemory,
  onRead: (bytes: Buffer, length: number) => void,
  onLost: (error: ProxyError) => void,
): Reading {
  let current = shared;
  let isOwn = false;
  let isTaken = false;
  return {
    onread: {
      // Node asks for each read, and once for each handle. Memory is returned every time, because a handle that was given none
      // reads into none, and calls back all the same.
      buffer() {
        // Also by a connection that leaves it: what its read left there would pass for a read of another connection.
        shared.arm();
        if (!isOwn) current = shared;
        else if (current === shared || isTaken) current = createReadMemory();
        isTaken = false;
        current.arm();
        return current.bytes;
      },
      callback(length, bytes) {
        if (bytes === current.bytes && current.isDelivered(length)) onRead(current.bytes, length);
        else onLost(notDelivered());
        return true;
      },
    },
    readOwn(next) {
      isOwn = next;
    },
    readsOwn: () => current !== shared,
    take() {
      isTaken = true;
    },
  };
}

/** Opens a TCP or unix socket to one place. */
export function openTcp(
  place: Place,
  onread: Reading["onread"] | undefined,
  { onConnected, onFailed }: AttemptEvents,
): TcpSocket {
  const socket = new TcpSocket({
    onread,
    allowHalfOpen: true, // Node closes its own side otherwise, before anything could be asked about the end of the other
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 60_000,
  } as object);
  socket.once("connect", onConnected).once("error", onFailed);
  return "path" in place
    ? socket.connect(place)
    : socket.connect({ ...place, autoSelectFamily: false });
}

/** Begins TLS over a connected socket. */
export function openTls(
  socket: TcpSocket,
  { url, tls }: Pick<UpstreamConfig, "url" | "tls">,
): { readonly socket: TLSSocket; isTruncated(): boolean } {
  const { ca, cert, key, verify, serverName = url.host } = tls ?? {};
  const transport = new Transport(socket);
  let isTransportOver = false;
  let isNotified = false;
  // Before TLS hears of it: where the connection's end comes first, there was no close_notify.
  transport.once("end", () => (isTransportOver = true));
  const secured = connectTls({
    socket: transport,
    ca,
    cert,
    key,
    rejectUnauthorized: verify ?? true,
    // SNI follows the upstream's name, never the Host field. RFC 6066 §3: an address is not a server name.
    servername: isIP(serverName) === 0 ? serverName : "",
    // Node looks for the name that SNI was given, or for the URL's host; an address as `serverName` is neither.
    checkServerIdentity: (_host: string, certificate: PeerCertificate) =>
      checkServerIdentity(serverName, certificate),
    ALPNProtocols: ["http/1.1"],
  } as object);
  // The `end` event of a paused socket comes when all is read, which may be after the connection's end. TLS reports its end at
  // once, by pushing null. Should Node cease to do so, each end counts as a truncation.
  const push = secured.push.bind(secured);
  secured.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (chunk === null && !isTransportOver) isNotified = true;
    return push(chunk, encoding);
  };
  return { socket: secured, isTruncated: () => !isNotified };
}

/**
 * A socket as a stream without a handle. Over a handle, Node reports the end of the TLS stream and the end of the connection as
 * the same event, so that a response that was cut off looks complete (a truncation attack, RFC 9112 §9.8).
 */
class Transport extends Duplex {
  private readonly socket: TcpSocket;

  constructor(socket: TcpSocket) {
    super({ allowHalfOpen: true });
    this.socket = socket;
    socket
      .on("data", (bytes: Buffer) => {
        if (!this.push(bytes)) socket.pause();
      })
      .once("end", () => this.push(null)) // oxlint-disable-line unicorn/no-null -- how a stream is told its end
      .on("error", (error) => this.destroy(error))
      .once("close", () => this.destroy());
  }

  override _read(): void {
    this.socket.resume();
  }

  override _write(bytes: Buffer, _encoding: string, callback: () => void): void {
    this.socket.write(bytes, callback);
  }

  override _final(callback: () => void): void {
    this.socket.end(callback);
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.socket.destroy();
    callback(error);
  }
}

/** Calls back with whether the read side of a socket came to an orderly end. */
export function confirmTcpEnd(socket: TcpSocket, onKnown: (isOrderly: boolean) => void): void {
  if (socket.isWriteBroken) return onKnown(false);
  // Behind an upload that is stuck, or behind our own end, nothing would be written either.
  if (socket.writableLength > 0 || socket.writableEnded) return onKnown(true);
  // libuv reports a reset that comes together with data as an orderly end. A write of nothing fails after a reset.
  socket.write(NOTHING, () => onKnown(!socket.isWriteBroken));
}

/** Whether a path leads to no listener: a socket that a killed process left behind, or no socket at all. */
export function isAbandoned(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectPlain({ path });
    socket.once("error", (error) => resolve("code" in error && error.code === "ECONNREFUSED"));
    socket.once("connect", () => {
      socket.destroy();
      resolve(false);
    });
  });
}

/** What was read is lost, and what stands in its place belongs to another exchange. */
function notDelivered(): ProxyError {
  return new ProxyError("proxy_internal_error", {
    status: 502,
    title: "What the upstream sent was not delivered by the platform",
  });
}
