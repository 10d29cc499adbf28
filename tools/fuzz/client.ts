/** The client of HTTP/1.1: writes a case's bytes from its own address, and reads until nothing more can arrive. */

import {
  BREAK_OFF_MS,
  type ConversationPlan,
  type Received,
  converse,
  writePieces,
} from "./conversation.ts";
import { readResponses } from "./responses.ts";
import type { Wire } from "./wire.ts";

/** The bytes to send, and how the client detects that all responses have arrived. */
export interface Plan extends ConversationPlan {
  readonly parts: readonly string[];
  /** The methods of the requests in the bytes, in order. */
  readonly methods: readonly string[];
  /** Which side ends the connection after the last response: the proxy, or the client, which may have sent part of another request. */
  readonly closing: "proxy closes" | "client closes" | "client breaks off";
}

/** Runs one connection. */
export function exchange(plan: Plan): Promise<Received> {
  return new Promise((resolve) => {
    let isEnding = false;
    let wire: Wire | undefined;
    const conversation = converse(plan, {
      onOpen(opened) {
        wire = opened;
        void writePieces(opened, plan.parts, () => isEnding).then(endWhenComplete);
      },
      onBytes: endWhenComplete,
      onStall() {
        isEnding = true;
        wire?.end();
      },
      onEnd: resolve,
    });

    // All expected bytes are here: the client's FIN makes the proxy close, and shows bytes that it would send beyond them.
    function endWhenComplete(): void {
      if (plan.closing === "proxy closes" || isEnding) return;
      const { final } = readResponses(conversation.text(), plan.methods, "open");
      if (final.length < plan.methods.length) return;
      isEnding = true;
      if (plan.closing === "client closes") wire?.end();
      else setTimeout(() => wire?.end(), BREAK_OFF_MS);
    }
  });
}
