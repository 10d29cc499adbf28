/** Looks at the first bytes of a connection, which decide how it goes on. */

import type { Socket } from "node:net";

/** What the first bytes mean. `length` of them are taken; the socket keeps the others for its next reader. */
export interface Decision<Meaning> {
  readonly meaning: Meaning;
  readonly length: number;
}

/**
 * Reads until `decide` returns a decision; it returns undefined if it needs more bytes. Rejects if the connection ends before, or with
 * what `decide` throws. The socket is then paused.
 */
export function peek<Meaning>(
  socket: Socket,
  decide: (bytes: Buffer) => Decision<Meaning> | undefined,
): Promise<Meaning> {
  let held: Buffer = Buffer.alloc(0);
  return new Promise((resolve, reject) => {
    socket.on("readable", onReadable).on("end", onEnd).on("close", onEnd);
    onReadable();

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
      reject(new Error(held.length === 0 ? "it ended at once" : "it ended too early"));
    }

    function stop(): void {
      socket.off("readable", onReadable).off("end", onEnd).off("close", onEnd);
    }
  });
}
