/** The bytes of a client's connection of HTTP/1.1, from which responses are read piece by piece. */

import {
  type ByteReader,
  type CloseKind,
  type Framing,
  MessageError,
  readBytes,
} from "../../test/support/message.ts";
import type { Sockets } from "./sockets.ts";

/** A client's connection of HTTP/1.1. */
export interface ChaosWire extends Sockets {
  readonly bytes: ByteReader & { readonly closed: Promise<CloseKind> };
}

/** Longer than any limit in the route file: if no byte comes in this time, none will come. */
export const MAX_SILENCE_MS = 20_000;

/** Reads from a connection that is open. */
export function toChaosWire({ socket, transport }: Sockets): ChaosWire {
  return { socket, transport, bytes: readBytes(socket, MAX_SILENCE_MS) };
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
