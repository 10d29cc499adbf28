/** Readers that take little at a time. */

import assert from "node:assert/strict";
import { readSync } from "node:fs";
import type { Socket } from "node:net";
import { setImmediate, setTimeout } from "node:timers/promises";

const BYTES_PER_MS = 400;

/**
 * Reads that many bytes at 400 KB/s, and rejects if the connection closes before. The rate follows the clock: if a busy machine delays
 * the timer, it reads more at once, and does not become slower.
 */
export async function readSlowly(socket: Socket, byteCount: number): Promise<void> {
  socket.pause();
  const beganMs = performance.now();
  for (let taken = 0; taken < byteCount;) {
    if (socket.closed) throw new Error(`closed with ${byteCount - taken} bytes left`);
    const due = Math.floor((performance.now() - beganMs) * BYTES_PER_MS) - taken;
    const wanted = Math.min(due, byteCount - taken, socket.readableLength);
    const chunk = socket.read(Math.max(0, wanted)) as Buffer | null;
    taken += chunk?.length ?? 0;
    // A reader that is up to date pauses. Without the pause it would read byte after byte, and take all of a core.
    const isBehind = chunk !== null && chunk.length < due;
    await (isBehind ? setImmediate() : setTimeout(40));
  }
}

/**
 * Takes up to 48 KiB of a paused socket out of the kernel, in this turn of the event loop. Linux makes a receive buffer larger if more than
 * 64 KiB of it are read within what it takes for a round trip, and then acknowledges a whole burst at once. It acknowledges in steps of
 * about 145 KB: one within four calls.
 */
export function takeFromKernel(socket: Socket): void {
  const { _handle: handle } = socket as Socket & { readonly _handle?: { readonly fd: number } };
  try {
    readSync(handle?.fd ?? -1, Buffer.alloc(48 * 1024));
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, "EAGAIN");
  }
}
