/** The number of written bytes that a peer has not acknowledged yet, from Linux's /proc/net/tcp (proc(5)). */

import type { Socket } from "node:net";

/** Returns the bytes that wait for the peer's acknowledgement; undefined if the system does not tell. */
export type CountUnacknowledged = (socket: Socket) => number | undefined;

/**
 * Creates the count. `readSystemFile` returns a file's text, or an empty text; if it throws, the count is undefined.
 *
 * The kernel takes megabytes at once. If the peer reads slowly, the kernel then takes nothing for seconds, so a write that waits does
 * not show whether the peer still reads. Acknowledged bytes do. A count costs some microseconds for each socket of the machine, so use
 * it only for a connection that has been stuck for a while.
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
    // Another connection may have the same ports. If it moves, the sum changes and this one counts as moving too.
    return found.length === 0 ? undefined : found.reduce((sum, bytes) => sum + bytes, 0);
  };

  function read(path: string): string {
    try {
      return readSystemFile(path);
    } catch {
      return ""; // for example, no file descriptor is left
    }
  }
}

/** Tells whether waiting bytes still move. Times are milliseconds of the monotonic clock. */
export interface Movement {
  /** Forgets the last look, because other bytes wait now. */
  restart(nowMs: number): void;
  /** When to look next, if nothing has moved since `sinceMs` and the limit is `limitMs`. */
  nextMs(sinceMs: number, limitMs: number): number;
  /** Counts, and returns whether something has moved since the last look. */
  look(nowMs: number): boolean;
}

/** How often bytes are looked at within one limit. The end of movement is thus noticed at most one step late. */
export const STEPS = 4;

/** Follows the bytes that wait on one socket; `count` returns how many the peer has not acknowledged. */
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
