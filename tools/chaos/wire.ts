/** A client's connection, from which responses are read piece by piece. */

import { once } from "node:events";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { CERTIFICATE } from "../../test/support/certificate.ts";
import {
  type ByteReader,
  type CloseKind,
  type Framing,
  MessageError,
  readBytes,
} from "../../test/support/message.ts";
import { connectFrom } from "../shared/connect.ts";
import type { Random } from "../shared/random.ts";

/** A client's connection. */
export interface ChaosWire {
  /** Carries HTTP: the TCP socket, or TLS over it. */
  readonly socket: Socket;
  /** The TCP socket. */
  readonly transport: Socket;
  readonly bytes: ByteReader & { readonly closed: Promise<CloseKind> };
  /** The earlier events on it, for the trace. */
  readonly history: string[];
}

// Longer than any limit in the route file: if no byte comes in this time, none will come.
const PATIENCE_MS = 20_000;

/** The ports of the listeners without and with TLS; `tls` is undefined if there is no such listener. */
export interface ChaosPorts {
  readonly plain: number;
  readonly tls: number | undefined;
}

/** The share of connections with TLS. */
const TLS_SHARE = 0.25;

/** Opens a connection for that client. */
export async function openChaosWire(
  client: number,
  ports: ChaosPorts,
  random: Random,
): Promise<ChaosWire> {
  const { plain, tls = plain } = ports;
  const isSecure = random.chance(TLS_SHARE) && tls !== plain;
  const transport = connectFrom(`127.0.1.${1 + (client % 250)}`, isSecure ? tls : plain);
  const socket = isSecure
    ? connectTls({ socket: transport, ca: CERTIFICATE, servername: "backend.test" })
    : transport;
  const bytes = readBytes(socket, PATIENCE_MS);
  await once(socket, isSecure ? "secureConnect" : "connect");
  return { socket, transport, bytes, history: isSecure ? ["TLS"] : [] };
}

/** Reads content and passes it on as it arrives, also if it breaks off, in which case it rejects with a MessageError. */
export async function readContent(
  wire: ChaosWire,
  framing: Framing,
  take: (piece: Buffer) => void,
): Promise<readonly string[]> {
  const { bytes } = wire;
  if (framing === "chunked") return readChunks(bytes, take);
  if (framing === "close") {
    take(await bytes.takeAll());
    // Without a length, only a reset shows that a response is incomplete (RFC 9112 §8).
    if (await wasReset(wire)) throw new MessageError("reset", Buffer.alloc(0), "reset");
    return [];
  }
  await readLength(bytes, framing, take);
  return [];
}

// libuv reports a reset that arrives together with data as `end`. A zero-length write fails if the peer reset the connection.
async function wasReset({ transport, bytes }: ChaosWire): Promise<boolean> {
  if ((await bytes.closed) === "reset" || transport.destroyed) return true;
  return new Promise((resolve) => {
    transport.write(Buffer.alloc(0), (error) => resolve(error instanceof Error));
  });
}

async function readLength(
  bytes: ByteReader,
  length: number,
  take: (piece: Buffer) => void,
): Promise<void> {
  for (let left = length; left > 0;) {
    try {
      const piece = await bytes.take(Math.min(left, 16_384));
      left -= piece.length;
      take(piece);
    } catch (error) {
      if (error instanceof MessageError) take(error.received);
      throw error;
    }
  }
}

async function readChunks(
  bytes: ByteReader,
  take: (piece: Buffer) => void,
): Promise<readonly string[]> {
  for (;;) {
    const line = (await bytes.take("\r\n")).toString("latin1").slice(0, -2);
    if (!/^[0-9a-f]+$/i.test(line)) throw new MessageError(`chunk size ${line}`, Buffer.alloc(0));
    const size = Number.parseInt(line, 16);
    if (size === 0) break;
    await readLength(bytes, size, take);
    if ((await bytes.take(2)).toString("latin1") !== "\r\n")
      throw new MessageError("a chunk does not end where it should", Buffer.alloc(0));
  }
  const trailers: string[] = [];
  for (;;) {
    const line = (await bytes.take("\r\n")).toString("latin1").slice(0, -2);
    if (line === "") return trailers;
    trailers.push(line);
  }
}
