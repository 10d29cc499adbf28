/** The client's end of one connection, without and with TLS, and every way to end it. */

import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { connect } from "node:tls";
import { CERTIFICATE } from "../../test/support/certificate.ts";
import { connectFrom } from "../shared/connect.ts";
import type { Random } from "../shared/random.ts";
import type { Close } from "./responses.ts";

/** How a client connects. */
export interface WirePlan {
  readonly port: number;
  readonly address: string;
  /** A PROXY protocol header that tells the address; it is sent first, from 127.0.0.1. */
  readonly header: string | undefined;
  /** Undefined: without TLS. */
  readonly tls: WireTls | undefined;
}

/** The TLS of a connection. */
export interface WireTls {
  readonly protocol: "http/1.1" | "h2";
  /** Decides where records are cut, whether a session is resumed, and how the client ends. */
  readonly random: Random;
  /** The latest session of the same proxy. */
  readonly sessions: { latest?: Buffer };
}

/** A connection that is open. */
export interface Wire {
  /** The stream that carries the protocol. */
  readonly stream: Duplex;
  /** Writes on the connection itself, beside TLS. */
  writeRaw(bytes: string): void;
  /** Sends a FIN. With TLS, some clients send no close_notify before it. */
  end(): void;
  /** Sends a FIN without a close_notify. */
  cut(): void;
  destroy(): void;
}

/** The address of the load balancer that sends PROXY protocol headers. */
const BALANCER = "127.0.0.1";

/** Connects, and completes the TLS handshake. `onEnd` is called once: with TLS, a FIN without a close_notify is `reset` (RFC 9112 §9.8). */
export function openWire(
  plan: WirePlan,
  onOpen: (wire: Wire) => void,
  onEnd: (how: Close) => void,
): { destroy(): void } {
  const { header, tls } = plan;
  const raw = connectFrom(header === undefined ? plan.address : BALANCER, plan.port);
  let isOver = false;
  const end = (how: Close): void => {
    if (!isOver) onEnd(how);
    isOver = true;
  };
  raw.on("error", () => end("reset"));
  raw.once("connect", () => {
    if (header !== undefined) raw.write(header, "latin1");
    if (tls === undefined) openPlain(raw, onOpen, end);
    else openSecure(raw, tls, onOpen, end);
  });
  return { destroy: () => void raw.destroy() };
}

function openPlain(raw: Socket, onOpen: (wire: Wire) => void, onEnd: (how: Close) => void): void {
  raw.once("end", () => onEnd("end"));
  const end = (): void => void raw.end();
  const writeRaw = (bytes: string): void => void raw.write(bytes, "latin1");
  onOpen({ stream: raw, writeRaw, end, cut: end, destroy: () => void raw.destroy() });
}

function openSecure(
  raw: Socket,
  { protocol, random, sessions }: WireTls,
  onOpen: (wire: Wire) => void,
  onEnd: (how: Close) => void,
): void {
  const isCut = random.oneIn(3);
  const stream = connect({
    socket: new CutTransport(raw, random.oneIn(4) ? random : undefined),
    servername: "backend.test",
    ca: CERTIFICATE,
    ALPNProtocols: [protocol],
    session: random.oneIn(2) ? sessions.latest : undefined,
  });
  stream.allowHalfOpen = true;
  stream.on("session", (session) => (sessions.latest = session));
  stream.once("end", () => onEnd(raw.readableEnded ? "reset" : "end"));
  stream.on("error", () => onEnd("reset"));
  stream.once("close", () => onEnd("reset"));
  const cut = (): void => void stream.write("", () => raw.end()); // after the bytes that TLS still has to write
  const end = (): void => void (isCut ? cut() : stream.end());
  const writeRaw = (bytes: string): void => void raw.write(bytes, "latin1");
  stream.once("secureConnect", () => {
    if (stream.alpnProtocol === protocol)
      onOpen({ stream, writeRaw, end, cut, destroy: () => void raw.destroy() });
    else onEnd("reset");
  });
}

/** A socket as the stream below TLS. It cuts records, and tells the end of the connection after TLS has read everything before it. */
class CutTransport extends Duplex {
  private readonly raw: Socket;
  private readonly random: Random | undefined;

  /** `random`: where to cut; undefined: nowhere. */
  constructor(raw: Socket, random: Random | undefined) {
    super({ allowHalfOpen: true });
    this.raw = raw;
    this.random = random;
    raw.on("data", (bytes: Buffer) => this.push(bytes));
    raw.once("end", () => void this.finish());
    raw.once("close", () => void this.finish().then(() => this.destroy()));
  }

  private async finish(): Promise<void> {
    for (let turns = 0; turns < 3; turns += 1) await nextTurn();
    if (!this.destroyed && !this.readableEnded) this.push(null);
  }

  override _read(): void {
    // The socket pushes on its own: a response of a case is small.
  }

  override _write(bytes: Buffer, _encoding: string, callback: () => void): void {
    void this.writePieces(bytes, callback);
  }

  private async writePieces(bytes: Buffer, callback: () => void): Promise<void> {
    const { raw, random } = this;
    for (let at = 0; at < bytes.length && !raw.writableEnded && !raw.destroyed;) {
      const size = random === undefined ? bytes.length : 1 + random.below(bytes.length);
      raw.write(bytes.subarray(at, at + size));
      at += size;
      if (at < bytes.length) for (let turns = 0; turns < 2; turns += 1) await nextTurn();
    }
    callback();
  }

  override _final(callback: () => void): void {
    this.raw.end(callback);
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.raw.destroy();
    callback(error);
  }
}
