/** The upstream's side of one connection, plain or with TLS, with every way to end it. */

import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { TLSSocket, createSecureContext } from "node:tls";
import { CERTIFICATE, KEY } from "./certificate.ts";
import { reset } from "./reset.ts";

/** The upstream's side of one connection. */
export interface Peer {
  /** The stream to read and write; its `end` is an orderly one, in TLS with a close_notify. */
  readonly socket: Socket;
  /** Sends only a FIN: in TLS this is a truncation (RFC 9112 §9.8). */
  cut(): void;
  reset(): void;
  /** How the upstream has ended the connection so far. */
  ended(): "no" | "end" | "reset";
}

/** A connection without TLS. */
export function toPlainPeer(socket: Socket): Peer {
  return toPeer(socket, socket);
}

/** The server's side of TLS on a connection. */
export function toTlsPeer(raw: Socket): Peer {
  const secureContext = createSecureContext({ cert: CERTIFICATE, key: KEY });
  // TLS runs over a stream and not over the socket's handle, which could not send a FIN without a close_notify.
  const socket = new TLSSocket(new Transport(raw), { isServer: true, secureContext });
  return toPeer(socket, raw);
}

function toPeer(socket: Socket, raw: Socket): Peer {
  let isReset = false;
  let isCut = false;
  return {
    socket,
    cut() {
      isCut = true;
      if (raw === socket) raw.end();
      else socket.write(Buffer.alloc(0), () => raw.end()); // after the bytes that TLS still has to write
    },
    reset() {
      isReset = true;
      reset(raw);
      socket.destroy();
    },
    ended() {
      if (isReset) return "reset";
      return isCut || socket.writableEnded || socket.destroyed ? "end" : "no";
    },
  };
}

/** A socket as a stream without a handle: TLS over it leaves the socket to the test. */
export class Transport extends Duplex {
  private readonly raw: Socket;

  constructor(raw: Socket) {
    super({ allowHalfOpen: true });
    this.raw = raw;
    raw
      .on("data", (bytes: Buffer) => {
        if (!this.push(bytes)) raw.pause();
      })
      .once("end", () => this.push(null)) // oxlint-disable-line unicorn/no-null -- how a stream is told its end
      .on("error", (error) => this.destroy(error))
      .once("close", () => this.destroy());
  }

  override _read(): void {
    this.raw.resume();
  }

  override _write(bytes: Buffer, _encoding: string, callback: () => void): void {
    if (this.raw.writableEnded) callback();
    else this.raw.write(bytes, () => callback());
  }

  override _final(callback: () => void): void {
    this.raw.end(callback);
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.raw.destroy();
    callback(error);
  }
}
