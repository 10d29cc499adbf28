/** Sockets to an upstream. The door of node:net and node:tls for outgoing connections. */

import { Socket, connect as connectPlain } from "node:net";
import {
  type PeerCertificate,
  type SecureContext,
  type TLSSocket,
  checkServerIdentity,
  connect as connectTls,
  createSecureContext,
} from "node:tls";
import { getSystemErrorName } from "node:util";

import type { UpstreamConfig } from "../config/types.ts";
import { ProxyError } from "../http/errors.ts";
import { ipVersion } from "../http/ip-version.ts";
import type { ConnectAttemptEvents } from "./race.ts";
import { type ReadMemory, createReadMemory } from "./read-memory.ts";

/** One connection as bytes. Before `onConnected`, only `destroy` may be called. */
export interface UpstreamSocket {
  /** Returns false if the caller has to wait for `onDrain` before it writes more. Text is latin1. */
  write(bytes: string | Uint8Array): boolean;
  pause(): void;
  resume(): void;
  /** Sets whether further reads go into memory of the connection's own, so that `detach` may keep it. */
  readOwn(isOwn: boolean): void;
  /** Whether the borrowed bytes of `onRead` are in such memory. */
  readsOwn(): boolean;
  /** Gives these bytes to the caller for good. */
  detach(): void;
  /** Whether written bytes wait because the upstream does not read them. */
  isStuck(): boolean;
  /** Whether the kernel has taken all written bytes. */
  isFlushed(): boolean;
  /** Whether a write has failed. Right after the first write to fail, it means that the kernel took none of its bytes. */
  isWriteBroken(): boolean;
  /** Bytes that the kernel took and the upstream has not acknowledged; undefined if the system does not report them. */
  unacknowledged(): number | undefined;
  /** Calls back with whether the end behind `onEnd` was orderly: no reset, and in TLS a close_notify (RFC 9112 §9.8). */
  confirmEnd(onConfirmed: (isOrderly: boolean) => void): void;
  /** Sends what was written, and then a FIN (in TLS also a close_notify). */
  end(onFinished: () => void): void;
  destroy(): void;
  /** Closes the connection with a reset, if the transport has one. */
  reset(): void;
}

/** What happens to a connection. `onClosed` comes once and last. No event comes after `destroy` or `reset`. */
export interface UpstreamSocketEvents {
  onConnected(): void;
  /** Lends the first `length` bytes of `bytes` until this returns. */
  onRead(bytes: Buffer, length: number): void;
  /** The kernel took some of the written bytes. */
  onWritten(): void;
  onDrain(): void;
  /** The upstream sends nothing more. */
  onEnd(): void;
  /** `error` is what broke the connection; undefined after an ordinary close. */
  onClosed(error: Error | undefined): void;
}

/** Opens a connection. */
export type Connect = (events: UpstreamSocketEvents) => UpstreamSocket;

/** Where to connect to: an address, never a name. */
export type Destination =
  | { readonly host: string; readonly port: number }
  | { readonly path: string; readonly host: "" };

const NOTHING = Buffer.alloc(0);

/**
 * A socket that can still be read after a write has failed.
 *
 * An upstream that refuses an upload responds and closes. The kernel then resets the connection at the next bytes, and headgate's next
 * write fails while the response waits in the receive buffer. Node destroys a socket when a write fails, and loses the response. Here a
 * failed write ends only the writing: the response can still be read, or the read side reports the reset.
 */
export class TcpSocket extends Socket {
  /** Whether a write has failed. */
  isWriteBroken = false;
  /** Called after each write that the kernel took. */
  onWritten: (() => void) | undefined = undefined;
  private callback: (() => void) | undefined = undefined;
  /** One callback serves all writes: a stream begins a write only after the previous one has called back. */
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
    // Every socket of Node has it, although the types call it optional.
    // oxlint-disable-next-line no-underscore-dangle -- the name that Node gives it
    super._writev?.(chunks, this.settle);
  }

  /** Applies the same to the writes of a TLS stream over this socket, which uses the handle and not the stream of this socket. */
  carryWritesOf(secured: Socket): void {
    /* oxlint-disable no-underscore-dangle -- the names that Node gives them */
    const write = secured._write.bind(secured);
    const writev = secured._writev?.bind(secured);
    secured._write = (chunk, encoding, callback) => {
      if (this.isWriteBroken) return callback();
      this.callback = callback;
      write(chunk, encoding, this.settle);
    };
    secured._writev = (chunks, callback) => {
      if (this.isWriteBroken) return callback();
      this.callback = callback;
      writev?.(chunks, this.settle);
    };
    /* oxlint-enable no-underscore-dangle */
  }
}

/** The memory that one connection reads into: the memory that all connections share, or its own for content that will be kept. */
export interface Reading {
  readonly onread: { buffer(): Buffer; callback(length: number, bytes: Uint8Array): boolean };
  readOwn(isOwn: boolean): void;
  readsOwn(): boolean;
  detach(): void;
}

/** Creates the reading of one connection. `onLost` is called instead of `onRead` if a read was not delivered into the memory. */
export function createReading(
  shared: ReadMemory,
  onRead: (bytes: Buffer, length: number) => void,
  onLost: (error: ProxyError) => void,
): Reading {
  let current = shared;
  let isOwn = false;
  let isDetached = false;
  return {
    onread: {
      // Node calls this before each read, and once for each new handle. It always has to return memory: without memory a handle loses the
      // bytes that it reads, and Node calls `callback` all the same.
      buffer() {
        // A connection that leaves the shared memory marks it too: its last read would look like a read of the next connection.
        shared.arm();
        if (!isOwn) current = shared;
        else if (current === shared || isDetached) current = createReadMemory();
        isDetached = false;
        if (current !== shared) current.arm();
        return current.bytes;
      },
      callback(length, bytes) {
        if (bytes === current.bytes && current.isDelivered(length)) onRead(current.bytes, length);
        else onLost(new ProxyError("read_not_delivered"));
        return true;
      },
    },
    readOwn(next) {
      isOwn = next;
    },
    readsOwn: () => current !== shared,
    detach() {
      isDetached = true;
    },
  };
}

/** Opens a TCP or unix socket to one destination. `onread` is undefined for TLS, which reads as a stream. */
export function openTcp(
  destination: Destination,
  onread: Reading["onread"] | undefined,
  { onConnected, onFailed }: ConnectAttemptEvents,
): TcpSocket {
  const socket = new TcpSocket({
    onread,
    allowHalfOpen: true, // otherwise Node closes its side before `confirmTcpEnd` can examine the other side's end
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 60_000,
  } as object);
  socket.once("connect", onConnected).once("error", onFailed);
  return "path" in destination
    ? socket.connect(destination)
    : socket.connect({ ...destination, autoSelectFamily: false });
}

/** A connection with TLS. After its end, `isTruncated` returns whether the close_notify was missing. */
export interface SecuredSocket {
  readonly socket: TLSSocket;
  isTruncated(): boolean;
}

/**
 * Creates the function that begins TLS over a connected socket, for one upstream. It resumes the session of an earlier connection (RFC
 * 8446 §2.2), which saves a round trip's work and the verification of the certificate.
 */
export function createTlsClient({
  url,
  tls,
}: Pick<UpstreamConfig, "url" | "tls">): (socket: TcpSocket) => SecuredSocket {
  const { ca, cert, key, verify, serverName = url.host } = tls ?? {};
  // Compiled once: to parse the certificates takes longer than a handshake.
  let secureContext: SecureContext | undefined;
  /** Of the last connection whose certificate was verified. */
  let session: Buffer | undefined;
  return (socket) => {
    secureContext ??= createSecureContext({ ca, cert, key });
    const secured = connectTls({
      socket,
      secureContext,
      session,
      rejectUnauthorized: verify ?? true,
      // SNI follows the upstream's name, never the Host field. RFC 6066 §3: an address is not a server name.
      servername: ipVersion(serverName) === 0 ? serverName : "",
      // Node would check the certificate for the SNI name or the URL's host, and ignore an address as `serverName`.
      checkServerIdentity: (_host: string, certificate: PeerCertificate) =>
        checkServerIdentity(serverName, certificate),
      ALPNProtocols: ["http/1.1"],
    } as object);
    const offered = session;
    let isVerified = false;
    secured.once("secureConnect", () => {
      isVerified = true;
      session = secured.getSession();
      secured.on("session", (ticket: Buffer) => void (session = ticket)); // TLS 1.3 sends them later
    });
    secured.once("close", () => {
      if (!isVerified && session === offered) session = undefined; // it may be the reason
    });
    socket.carryWritesOf(secured);
    return { socket: secured, isTruncated: watchEnd(socket, secured) };
  };
}

/** The part of a handle that Node does not document. */
interface Handle {
  readonly reading?: boolean;
  readStart?(): number;
}

/**
 * Returns whether a TLS stream ended without a close_notify (a truncation attack, RFC 9112 §9.8).
 *
 * Node reports a close_notify and the end of the connection as the same event. But libuv stops reading a connection at its end. So an
 * end that comes while it still reads the connection is a close_notify. While headgate pauses the upstream, libuv does not read either;
 * then only a close_notify that came with the last bytes can end the stream. If Node or libuv ever behave differently, every end counts
 * as truncated. A stream without a handle would emit two different events, but makes a request cost three times as much CPU time.
 */
function watchEnd(socket: TcpSocket, secured: TLSSocket): () => boolean {
  let isNotified = false;
  let wasReading = false;
  // TLS pushes null as soon as the end arrives, even if the stream is paused and emits `end` later.
  const push = secured.push.bind(secured);
  secured.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (chunk === null) {
      const isStopped = toHandle(secured)?.reading === false;
      isNotified ||= isStopped ? wasReading : isReading(socket);
      return push(chunk, encoding);
    }
    const takesMore = push(chunk, encoding);
    // Node stops reading right after the first such chunk. Further chunks, and the end, may have come with it in the same read.
    if (!takesMore && toHandle(secured)?.reading !== false) wasReading = isReading(socket);
    return takesMore;
  };
  return () => !isNotified;
}

/** Whether libuv reads the connection, which ends with the connection. */
function isReading(socket: TcpSocket): boolean {
  const code = toHandle(socket)?.readStart?.() ?? 0;
  return code !== 0 && getSystemErrorName(code) === "EALREADY";
}

function toHandle(socket: Socket): Handle | null | undefined {
  // oxlint-disable-next-line no-underscore-dangle -- the name that Node gives it
  return (socket as { _handle?: Handle | null })._handle;
}

/** Calls back with whether the read side of a socket ended by a FIN (true) or by a reset (false). */
export function confirmTcpEnd(socket: TcpSocket, onConfirmed: (isOrderly: boolean) => void): void {
  if (socket.isWriteBroken) return onConfirmed(false);
  // Behind a stuck upload, or behind headgate's own FIN, the test write would never be tried.
  if (socket.writableLength > 0 || socket.writableEnded) return onConfirmed(true);
  // libuv reports a reset that comes together with data as an orderly end. A zero-length write fails after a reset.
  socket.write(NOTHING, () => onConfirmed(!socket.isWriteBroken));
}

/** Resolves with whether a path is a socket without a listener, as a killed process leaves it. Never rejects. */
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
