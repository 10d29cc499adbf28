/** The client of HTTP/1.1: writes a case's bytes from its own address, and reads until nothing more can arrive. */

import { setImmediate as nextTurn } from "node:timers/promises";
import { type Close, readResponses } from "./responses.ts";
import { type Wire, type WirePlan, openWire } from "./wire.ts";

/** The bytes to send, and how the client detects that all responses have arrived. */
export interface Plan extends WirePlan {
  readonly parts: readonly string[];
  /** The methods of the requests in the bytes, in order. */
  readonly methods: readonly string[];
  /** How many seconds may pass without progress; each second is counted by a timer, so a pause of the machine does not count. */
  readonly timeoutSeconds: number;
  /** Which side ends the connection after the last response: the proxy, or the client, which may have sent part of another request. */
  readonly closing: "proxy closes" | "client closes" | "client breaks off";
}

/** The received bytes. */
export interface Received {
  readonly text: string;
  readonly close: Close;
  /** Whether the client gave up because there was no progress. */
  readonly isStalled: boolean;
}

/** How long the client waits before it breaks off, so that a proxy may wrongly accept part of a request as complete. */
export const BREAK_OFF_MS = 30;

/** Runs one connection. */
export function exchange(plan: Plan): Promise<Received> {
  return new Promise((resolve) => {
    let text = "";
    let isStalled = false;
    let isEnding = false;
    let quietSeconds = 0;
    let wire: Wire | undefined;
    const timer = setInterval(giveUp, 1_000);
    const connection = openWire(plan, begin, finish);

    function begin(opened: Wire): void {
      wire = opened;
      opened.stream.on("data", (bytes: Buffer) => {
        text += bytes.toString("latin1");
        quietSeconds = 0;
        endWhenComplete();
      });
      void writeParts(opened, plan.parts, () => isEnding).then(endWhenComplete);
    }

    // All expected bytes are here: the client's FIN makes the proxy close, and shows bytes that it would send beyond them.
    function endWhenComplete(): void {
      if (plan.closing === "proxy closes" || isEnding) return;
      if (readResponses(text, plan.methods, "open").final.length < plan.methods.length) return;
      isEnding = true;
      if (plan.closing === "client closes") wire?.end();
      else setTimeout(() => wire?.end(), BREAK_OFF_MS);
    }

    function finish(close: Close): void {
      clearInterval(timer);
      connection.destroy();
      resolve({ text, close, isStalled });
    }

    function giveUp(): void {
      quietSeconds += 1;
      if (quietSeconds < plan.timeoutSeconds) return;
      if (isStalled) return finish("open");
      isStalled = true;
      quietSeconds = 0;
      isEnding = true;
      wire?.end();
    }
  });
}

/** Writes each part in a separate turn, so that each is sent in its own segment. */
async function writeParts(
  { stream }: Wire,
  parts: readonly string[],
  isOver: () => boolean,
): Promise<void> {
  for (const [index, part] of parts.entries()) {
    if (index > 0) for (let turns = 0; turns < 2; turns += 1) await nextTurn();
    if (stream.destroyed || stream.writableEnded || isOver()) return;
    stream.write(part, "latin1");
  }
}
