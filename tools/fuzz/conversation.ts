/** What the clients of HTTP/1.1 and HTTP/2 have in common: they write in pieces, and read until the connection or their patience ends. */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { Close } from "./responses.ts";
import { type Wire, type WirePlan, openWire } from "./wire.ts";

/** How long a client waits before it breaks off, so that a proxy may wrongly accept part of a request as complete. */
export const BREAK_OFF_MS = 30;

/** How a client connects, and how long it waits. */
export interface ConversationPlan extends WirePlan {
  /** How many seconds may pass without progress; each second is counted by a timer, so a pause of the machine does not count. */
  readonly timeoutSeconds: number;
}

/** The received bytes. */
export interface Received {
  readonly text: string;
  readonly close: Close;
  /** Whether the client gave up because there was no progress. */
  readonly isStalled: boolean;
}

/** What a client does when something happens. */
export interface Client {
  onOpen(wire: Wire): void;
  /** More bytes have arrived. */
  onBytes(): void;
  /** There was no progress. The client ends its side; if that changes nothing, the conversation ends as `open`. */
  onStall(): void;
  onEnd(received: Received): void;
}

/** One connection. */
export interface Conversation {
  /** The bytes that have arrived so far. */
  text(): string;
  finish(close: Close): void;
}

/** Opens a connection for a client. */
export function converse(plan: ConversationPlan, client: Client): Conversation {
  let text = "";
  let isStalled = false;
  let quietSeconds = 0;
  const timer = setInterval(countQuietSecond, 1_000);
  const connection = openWire(plan, begin, finish);
  return { text: () => text, finish };

  function begin(wire: Wire): void {
    wire.stream.on("data", (bytes: Buffer) => {
      text += bytes.toString("latin1");
      quietSeconds = 0;
      client.onBytes();
    });
    client.onOpen(wire);
  }

  function finish(close: Close): void {
    clearInterval(timer);
    connection.destroy();
    client.onEnd({ text, close, isStalled });
  }

  function countQuietSecond(): void {
    quietSeconds += 1;
    if (quietSeconds < plan.timeoutSeconds) return;
    if (isStalled) return finish("open");
    isStalled = true;
    quietSeconds = 0;
    client.onStall();
  }
}

/** Writes each piece in a separate turn, so that each is sent in its own segment. */
export async function writePieces(
  { stream }: Wire,
  pieces: readonly string[],
  isOver: () => boolean = () => false,
): Promise<void> {
  for (const [index, piece] of pieces.entries()) {
    if (index > 0) for (let turns = 0; turns < 2; turns += 1) await nextTurn();
    if (stream.destroyed || stream.writableEnded || isOver()) return;
    stream.write(piece, "latin1");
  }
}
