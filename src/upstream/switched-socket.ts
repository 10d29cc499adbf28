/** A connection that has switched protocols: its bytes for whoever speaks the new one. */

import { ProxyError } from "../http/errors.ts";
import type { UpstreamSocket } from "./socket.ts";

/** Who gets the bytes of the new protocol. `onClosed` comes once and last. */
export interface SwitchedReader {
  /** The bytes are the reader's. */
  onBytes(bytes: Buffer): void;
  onEnd(): void;
  onDrain(): void;
  onClosed(error: ProxyError | undefined): void;
}

/** The upstream's side of a tunnel. It is paused until it is resumed. */
export interface SwitchedSocket {
  /** What came together with the 101. */
  readonly first: Buffer;
  /** Sets the one reader. */
  read(reader: SwitchedReader): void;
  /** False where `onDrain` is to be awaited before more is written. */
  write(bytes: Uint8Array): boolean;
  /** Whether an earlier write failed: what is written is lost. What the upstream said before can still be read. */
  isWriteBroken(): boolean;
  pause(): void;
  resume(): void;
  end(onFinished: () => void): void;
  destroy(): void;
  reset(): void;
}

/**
 * Takes a connection's socket over. What happens to it is to be handed on to the functions that come back; `close` closes the
 * connection.
 */
export function createSwitchedSocket(
  socket: UpstreamSocket,
  first: Buffer,
  close: (error?: ProxyError) => void,
) {
  let reader: SwitchedReader | undefined;
  let hasEnded = false;
  let closed: { readonly error: ProxyError | undefined } | undefined;
  socket.pause();
  socket.readOwn(false);

  const taken: SwitchedSocket = {
    first,
    read(next) {
      reader = next;
      // Of a TLS stream, the end is told also while it is paused: perhaps in the turn of the 101.
      if (hasEnded) next.onEnd();
      if (closed !== undefined) next.onClosed(closed.error);
    },
    write: socket.write,
    isWriteBroken: socket.isWriteBroken,
    pause: socket.pause,
    resume: socket.resume,
    end: socket.end,
    destroy: () => close(),
    reset() {
      socket.reset();
      close();
    },
  };
  return {
    socket: taken,
    onRead: (bytes: Buffer, length: number) =>
      reader?.onBytes(Buffer.from(bytes.subarray(0, length))),
    // A reset, or a TLS stream that was cut off, must not look like an orderly end to the client.
    onEnd() {
      socket.confirmEnd((isOrderly) => {
        if (!isOrderly) return close(new ProxyError("connection_terminated"));
        hasEnded = true;
        reader?.onEnd();
      });
    },
    onDrain: () => reader?.onDrain(),
    onClosed(error: ProxyError | undefined) {
      closed = { error };
      reader?.onClosed(error);
    },
  };
}
