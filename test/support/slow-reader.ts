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
 * Takes bytes of a paused socket out of the kernel until `isEnough`, or until none are there. All in this turn of the event loop: turns
 * of a busy machine can be so long that headgate, in the same process, would see nothing move for its whole limit.
 */
export function takeFromKernel(socket: Socket, isEnough: () => boolean): void {
  const { _handle: handle } = socket as Socket & { readonly _handle?: { readonly fd: number } };
  const piece = Buffer.alloc(65_536);
  try {
    while (!isEnough() && readSync(handle?.fd ?? -1, piece) > 0);
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, "EAGAIN");
  }
}
