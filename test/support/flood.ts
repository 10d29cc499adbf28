/** Sends and counts hundreds of megabytes without holding them in memory. */

import { once } from "node:events";
import type { Socket } from "node:net";

const PIECE = Buffer.alloc(256 * 1024, "0123456789abcdef");

/** The number of bytes. */
export const MEBIBYTE = 1024 * 1024;

/** Writes that many bytes as fast as the peer reads. Ends early, without an error, if the socket closes. */
export async function pour(socket: Socket, byteCount: number): Promise<void> {
  for (let left = byteCount; left > 0 && !socket.destroyed; left -= PIECE.length) {
    if (socket.write(left < PIECE.length ? PIECE.subarray(0, left) : PIECE)) continue;
    await untilWritable(socket);
  }
}

function untilWritable(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      socket.off("drain", finish).off("close", finish);
      resolve();
    };
    socket.on("drain", finish).on("close", finish);
  });
}

/** Reads a header section and then counts the content. */
export interface Counter {
  readonly head: Promise<string>;
  /** The content so far, in bytes. */
  count(): number;
  /** Resolves when that much content has arrived; rejects if the connection ends before. */
  reached(byteCount: number): Promise<void>;
}

/** Reads all bytes of a socket, and keeps only the header section. */
export function countContent(socket: Socket): Counter {
  let head: string | undefined;
  let start = Buffer.alloc(0);
  let counted = 0;
  let isOver = false;
  const onData = (chunk: Buffer): void => {
    if (head !== undefined) {
      counted += chunk.length;
      socket.emit("counted");
      return;
    }
    start = Buffer.concat([start, chunk]);
    const end = start.indexOf("\r\n\r\n");
    if (end === -1) return;
    head = start.toString("latin1", 0, end);
    counted = start.length - end - 4;
    socket.emit("counted");
  };
  socket.on("data", onData).on("error", () => undefined);
  socket.once("close", () => {
    isOver = true;
    socket.emit("counted");
  });
  const until = async (isDone: () => boolean): Promise<void> => {
    while (!isDone()) {
      if (isOver) throw new Error(`the connection ended after ${counted} bytes`);
      await once(socket, "counted");
    }
  };
  return {
    head: until(() => head !== undefined).then(() => head ?? ""),
    count: () => counted,
    reached: (byteCount) => until(() => counted >= byteCount),
  };
}

/** Resolves when `read` has not changed for `quietMs`: all buffers are full then. */
export async function untilQuiet(read: () => number, quietMs: number): Promise<number> {
  for (let before = read(); ;) {
    await new Promise((resolve) => {
      setTimeout(resolve, quietMs);
    });
    const now = read();
    if (now === before) return now;
    before = now;
  }
}
