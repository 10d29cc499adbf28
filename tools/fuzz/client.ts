/** The client: writes a case's bytes from an address of its own, and reads until nothing more can come. */

import type { Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { connectFrom } from "../shared/connect.ts";
import { type Close, readResponses } from "./responses.ts";

/** What is sent, and how one knows that all answers are here. */
export interface Plan {
  readonly port: number;
  readonly address: string;
  readonly parts: readonly string[];
  /** Of the requests that the bytes hold, in order. */
  readonly methods: readonly string[];
  /** How many seconds nothing may move; counted one by one, so that a machine that stood still has not used them up. */
  readonly patienceSeconds: number;
  /** Who ends the connection after the last of them: the proxy, or the client, which may have left a piece of one more. */
  readonly ending: "proxy closes" | "client closes" | "client breaks off";
}

/** What came back. */
export interface Received {
  readonly text: string;
  readonly close: Close;
  /** Nothing moved for so long that the client gave up. */
  readonly isStalled: boolean;
}

/** How long a proxy is given to take a piece of a request for a whole one, before the client breaks off. */
const BREAK_OFF_MS = 30;

/** Runs one connection. */
export function exchange(plan: Plan): Promise<Received> {
  return new Promise((resolve) => {
    const socket = connectFrom(plan.address, plan.port);
    let text = "";
    let isStalled = false;
    let close: Close = "open";
    let quietSeconds = 0;
    const timer = setInterval(giveUp, 1_000);
    socket.once("connect", () => void write(socket, plan.parts).then(endWhenComplete));
    socket.on("data", (bytes: Buffer) => {
      text += bytes.toString("latin1");
      quietSeconds = 0;
      endWhenComplete();
    });
    socket.once("end", () => finish("end"));
    socket.once("error", () => finish("reset"));

    // All there is to come is here: an end of ours makes the proxy end, and shows what it would send beyond.
    function endWhenComplete(): void {
      if (plan.ending === "proxy closes" || socket.writableEnded) return;
      if (readResponses(text, plan.methods, "open").final.length < plan.methods.length) return;
      if (plan.ending === "client closes") socket.end();
      else setTimeout(() => socket.end(), BREAK_OFF_MS);
    }

    function finish(how: Close): void {
      clearInterval(timer);
      close = how;
      socket.destroy();
      resolve({ text, close, isStalled });
    }

    function giveUp(): void {
      quietSeconds += 1;
      if (quietSeconds < plan.patienceSeconds) return;
      if (isStalled) return finish("open");
      isStalled = true;
      quietSeconds = 0;
      socket.end();
    }
  });
}

/** Each part in a turn of its own, so that they leave in segments of their own. */
async function write(socket: Socket, parts: readonly string[]): Promise<void> {
  for (const [index, part] of parts.entries()) {
    if (index > 0) for (let turns = 0; turns < 2; turns += 1) await nextTurn();
    if (socket.destroyed || socket.writableEnded) return;
    socket.write(part, "latin1");
  }
}
