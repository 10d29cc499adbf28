/** A connection that has switched protocols, as bytes. */

import { ProxyError } from "../http/errors.ts";
import type { GcPressure } from "../runtime/gc-pressure.ts";
import type { UpstreamSocket } from "./socket.ts";

/** A shorter read is copied: to keep it would keep 64 KiB of memory. */
const LONG_BYTES = 16 * 1024;

/** Receives the bytes of the new protocol. `onClosed` comes once and last. */
export interface SwitchedReader {
  /** The reader may keep the bytes. */
  onBytes(bytes: Buffer): void;
  onEnd(): void;
  onDrain(): void;
  onClosed(error: ProxyError | undefined): void;
}

/** The upstream's side of a tunnel. It starts paused. */
export interface SwitchedSocket {
  /** The bytes that came together with the 101. */
  readonly first: Buffer;
  /** Sets the one reader. */
  read(reader: SwitchedReader): void;
  /** Returns false if the caller has to wait for `onDrain` before it writes more. */
  write(bytes: Uint8Array): boolean;
  /** Whether a write has failed. Further writes are lost, but bytes that the upstream sent before can still be read. */
  isWriteBroken(): boolean;
  /** Bytes that the kernel took and the upstream has not acknowledged; undefined if the system does not report them. */
  unacknowledged(): number | undefined;
  pause(): void;
  resume(): void;
  end(onFinished: () => void): void;
  destroy(): void;
  reset(): void;
}

/**
 * Takes a connection's socket over for a tunnel. The connection passes its socket's events on to the functions that this returns.
 * `gcPressure` is called with the memory of each kept read, in bytes; `close` closes the connection.
 */
export function createSwitchedSocket(
  socket: UpstreamSocket,
  first: Buffer,
  gcPressure: GcPressure,
  close: (error?: ProxyError) => void,
) {
  let reader: SwitchedReader | undefined;
  let hasEnded = false;
  let closed: { readonly error: ProxyError | undefined } | undefined;
  socket.pause();
  socket.readOwn(false);

  const tunnelSide: SwitchedSocket = {
    first,
    read(next) {
      reader = next;
      // TLS reports its end even while it is paused, so the end may have come before the reader was set.
      if (hasEnded) next.onEnd();
      if (closed !== undefined) next.onClosed(closed.error);
    },
    write: socket.write,
    isWriteBroken: socket.isWriteBroken,
    unacknowledged: socket.unacknowledged,
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
    socket: tunnelSide,
    onRead: (bytes: Buffer, length: number) => reader?.onBytes(keep(bytes, length)),
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

  // Long reads go into memory that can be passed on without a copy. A tunnel with short reads has no memory of its own.
  function keep(bytes: Buffer, length: number): Buffer {
    const isLong = length > LONG_BYTES;
    const isOwn = isLong && socket.readsOwn();
    socket.readOwn(isLong);
    gcPressure(isOwn ? bytes.buffer.byteLength : length);
    if (!isOwn) return Buffer.from(bytes.subarray(0, length));
    socket.detach();
    return bytes.subarray(0, length);
  }
}
