/** The client: writes a case's bytes from its own address, and reads until nothing more can arrive. */

import type { Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { connectFrom } from "../shared/connect.ts";
import { type Close, readResponses } from "./responses.ts";

/** The bytes to send, and how the client detects that all responses have arrived. */
export interface Plan {
  readonly port: number;
  readonly address: string;
  /** A PROXY protocol header that tells the address; it is sent with the first part, from 127.0.0.1. */
  readonly header: string | undefined;
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
const BREAK_OFF_MS = 30;

/** The address of the load balancer that sends PROXY protocol headers. */
const PROXY = "127.0.0.1";

/** Runs one connection. */
export function exchange(plan: Plan): Promise<Received> {
  return new Promise((resolve) => {
    const { header } = plan;
    const socket = connectFrom(header === undefined ? plan.address : PROXY, plan.port);
    let text = "";
    let isStalled = false;
    let close: Close = "open";
    let quietSeconds = 0;
    const timer = setInterval(giveUp, 1_000);
    socket.once("connect", () => void write(socket, toParts(plan)).then(endWhenComplete));
    socket.on("data", (bytes: Buffer) => {
      text += bytes.toString("latin1");
      quietSeconds = 0;
      endWhenComplete();
    });
    socket.once("end", () => finish("end"));
    socket.once("error", () => finish("reset"));

    // All expected bytes are here: the client's FIN makes the proxy close, and shows bytes that it would send beyond them.
    function endWhenComplete(): void {
      if (plan.closing === "proxy closes" || socket.writableEnded) return;
      if (readResponses(text, plan.methods, "open").final.length < plan.methods.length) return;
      if (plan.closing === "client closes") socket.end();
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
      if (quietSeconds < plan.timeoutSeconds) return;
      if (isStalled) return finish("open");
      isStalled = true;
      quietSeconds = 0;
      socket.end();
    }
  });
}

function toParts({ header = "", parts: [first = "", ...others] }: Plan): readonly string[] {
  return [header + first, ...others];
}

/** Writes each part in a separate turn, so that each is sent in its own segment. */
async function write(socket: Socket, parts: readonly string[]): Promise<void> {
  for (const [index, part] of parts.entries()) {
    if (index > 0) for (let turns = 0; turns < 2; turns += 1) await nextTurn();
    if (socket.destroyed || socket.writableEnded) return;
    socket.write(part, "latin1");
  }
}
