/** Looks at the first bytes of a connection, which decide how it goes on. */

import type { Socket } from "node:net";

/** What the first bytes mean. `length` of them are taken; the socket keeps the others for its next reader. */
export interface Decision<Meaning> {
  readonly meaning: Meaning;
  readonly length: number;
}

/**
 * Reads until `decide` returns a decision; it returns undefined if it needs more bytes. Resolves with undefined if the connection ends
 * without a byte. Rejects if it ends too early, or with what `decide` throws. The socket is then paused.
 */
export function peek<Meaning>(
  socket: Socket,
  decide: (bytes: Buffer) => Decision<Meaning> | undefined,
): Promise<Meaning | undefined> {
  let held: Buffer = Buffer.alloc(0);
  return new Promise((resolve, reject) => {
    socket.on("readable", onReadable).on("end", onEnd).on("close", onEnd);
    // A reader before this one may have taken the last bytes. Then the event has passed.
    if (socket.readableEnded || socket.destroyed) onEnd();
    else onReadable();

    function onReadable(): void {
      const bytes = socket.read() as Buffer | null;
      if (bytes === null) return;
      held = held.length === 0 ? bytes : Buffer.concat([held, bytes]);
      try {
        const decision = decide(held);
        if (decision === undefined) return;
        stop();
        const rest = held.subarray(decision.length);
        if (rest.length > 0) socket.unshift(rest);
        resolve(decision.meaning);
      } catch (error) {
        stop();
        reject(error);
      }
    }

    function onEnd(): void {
      stop();
      if (held.length === 0) resolve(undefined);
      else reject(new Error("the connection ended too early"));
    }

    function stop(): void {
      socket.off("readable", onReadable).off("end", onEnd).off("close", onEnd);
    }
  });
}
