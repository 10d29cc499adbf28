/** How much of what was written a peer has not acknowledged yet, as Linux tells it (proc(5), /proc/net/tcp). */

import type { Socket } from "node:net";

/** Bytes that wait for the peer's acknowledgement; undefined where the system does not tell. */
export type CountUnacknowledged = (socket: Socket) => number | undefined;

/**
 * Creates the count. `readSystemFile` returns a file's text, or an empty text.
 *
 * The kernel takes megabytes at once and then, from a peer that reads slowly, nothing for seconds: a write that waits does not
 * say whether the peer still reads. This does. It costs some microseconds for each socket of the machine, so it is for a
 * connection that has been stuck for a while.
 */
export function createUnacknowledged(
  readSystemFile: (path: string) => string,
): CountUnacknowledged {
  return ({ localPort, remotePort }) => {
    if (localPort === undefined || remotePort === undefined) return undefined; // a unix socket
    const text = read("/proc/net/tcp") + read("/proc/net/tcp6");
    const line = new RegExp(
      `:${toHex(localPort)} [0-9A-F]+:${toHex(remotePort)} [0-9A-F]{2} ([0-9A-F]{8}):`,
      "g",
    );
    const found = [...text.matchAll(line)].map(([, queued = "0"]) => Number.parseInt(queued, 16));
    // Another pair of addresses may have the same ports: where one of them moves, the connection is given the benefit.
    return found.length === 0 ? undefined : found.reduce((sum, bytes) => sum + bytes, 0);
  };

  function read(path: string): string {
    try {
      return readSystemFile(path);
    } catch {
      return ""; // no file descriptor is left
    }
  }
}

/** Whether bytes that wait still move. */
export interface Movement {
  /** Forgets the last look: something moved, or other bytes wait. */
  restart(nowMs: number): void;
  /** When to look next, where nothing was seen to move since `sinceMs`. */
  nextMs(sinceMs: number, limitMs: number): number;
  /** Looks; returns whether something moved since the last look. */
  look(nowMs: number): boolean;
}

/** A limit is looked at in so many steps, so that bytes that do move overrun it by no more than one of them. */
export const STEPS = 4;

/** Follows the bytes that wait on one socket; `count` says how many the peer has not acknowledged. */
export function createMovement(count: () => number | undefined): Movement {
  let lookedMs = 0;
  let waiting: number | undefined;
  return {
    restart(nowMs) {
      lookedMs = nowMs;
      waiting = undefined;
    },
    nextMs: (sinceMs, limitMs) =>
      Math.min(Math.max(lookedMs, sinceMs) + limitMs / STEPS, sinceMs + limitMs),
    look(nowMs) {
      const before = waiting;
      waiting = count();
      lookedMs = nowMs;
      return before !== undefined && waiting !== undefined && waiting !== before;
    },
  };
}

function toHex(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, "0");
}
