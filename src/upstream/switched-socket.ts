/** A connection that has switched protocols: its bytes for whoever speaks the new one. */

import type { ProxyError } from "../http/errors.ts";
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
  write(bytes: Uint8Array): boolean;
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
export function createSwitchedSocket(socket: UpstreamSocket, first: Buffer, close: () => void) {
  let reader: SwitchedReader | undefined;
  let end: { readonly error: ProxyError | undefined } | undefined;
  socket.pause();
  socket.readOwn(false);

  const taken: SwitchedSocket = {
    first,
    read(next) {
      reader = next;
      if (end !== undefined) next.onClosed(end.error);
    },
    write: socket.write,
    pause: socket.pause,
    resume: socket.resume,
    end: socket.end,
    destroy: close,
    reset() {
      socket.reset();
      close();
    },
  };
  return {
    socket: taken,
    onRead: (bytes: Buffer, length: number) =>
      reader?.onBytes(Buffer.from(bytes.subarray(0, length))),
    onEnd: () => reader?.onEnd(),
    onDrain: () => reader?.onDrain(),
    onClosed(error: ProxyError | undefined) {
      end = { error };
      reader?.onClosed(error);
    },
  };
}
