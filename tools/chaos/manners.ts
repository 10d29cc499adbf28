/** Clients that do more or less than send a request and read its response. Each function resolves with what the client saw. */

import { resetTransport } from "../../test/support/reset.ts";
import type { Exchange } from "./ledger.ts";
import { observeResponse } from "./observe.ts";
import type { Observed } from "./observed.ts";
import type { MANNERS } from "./plan.ts";
import type { Random } from "../shared/random.ts";
import { toBadBytes, toBytes, toHeadText, toUploadPieces } from "./request.ts";
import { useTunnel } from "./tunnel.ts";
import type { ChaosWire } from "./wire.ts";

/** What a client's manner works with. */
export interface Performance {
  readonly wire: ChaosWire;
  readonly exchange: Exchange;
  readonly random: Random;
}

type Perform = (performance: Performance) => Promise<Observed>;

/** The manners by name. */
export const PERFORMANCES: Readonly<Record<Exclude<keyof typeof MANNERS, "plain">, Perform>> = {
  close: ask,
  http10: ask,
  upgrade: useTunnel,
  async slowUpload({ wire, exchange, random }) {
    const answer = observeResponse(wire, exchange);
    wire.socket.write(toHeadText(exchange.plan), "latin1");
    for (const piece of toUploadPieces(exchange.plan, 4)) {
      await pause(random.below(5));
      if (!wire.socket.destroyed) wire.socket.write(piece);
    }
    return answer;
  },
  async slowReader({ wire, exchange, random }) {
    wire.socket.pause();
    wire.socket.write(toBytes(exchange.plan));
    await pause(random.below(60));
    wire.socket.resume();
    return observeResponse(wire, exchange);
  },
  async expect({ wire, exchange }) {
    wire.socket.write(toHeadText(exchange.plan), "latin1");
    let isSent = false;
    const observed = await observeResponse(wire, exchange, (status) => {
      if (status !== 100 || isSent) return;
      isSent = true;
      for (const piece of toUploadPieces(exchange.plan, 1)) wire.socket.write(piece);
    });
    // A client that has not sent all content cannot use the connection again.
    return isSent || observed.kind !== "answer" ? observed : { ...observed, closes: true };
  },
  async halfClose({ wire, exchange }) {
    wire.socket.end(toBytes(exchange.plan));
    const observed = await observeResponse(wire, exchange);
    return observed.kind === "answer" ? { ...observed, closes: true } : observed;
  },
  async abortWaiting({ wire, exchange, random }) {
    wire.socket.write(toBytes(exchange.plan));
    await pause(random.below(6));
    return leave(wire, exchange, random);
  },
  async abortReading({ wire, exchange, random }) {
    wire.socket.write(toBytes(exchange.plan));
    await wire.bytes.take("\r\n\r\n").catch(() => undefined);
    return leave(wire, exchange, random);
  },
  async abortUpload({ wire, exchange, random }) {
    const pieces = toUploadPieces(exchange.plan, 4);
    wire.socket.write(toHeadText(exchange.plan), "latin1");
    for (const piece of pieces.slice(0, random.below(4))) wire.socket.write(piece);
    await pause(random.below(4));
    return leave(wire, exchange, random);
  },
  async bad({ wire, exchange }) {
    wire.socket.write(toBadBytes(exchange.plan), "latin1");
    const observed = await observeResponse(wire, exchange);
    // RFC 9112 §9.6: bytes after it are not parsed as a request, so the connection must end.
    if (observed.kind !== "answer") return observed;
    return observed.closes
      ? observed
      : { kind: "foul", fault: "a refusal that keeps the connection" };
  },
  async halfHead({ wire, exchange, random }) {
    const head = toHeadText(exchange.plan);
    wire.socket.write(head.slice(0, 1 + random.below(head.length - 3)), "latin1");
    if (random.chance(0.3)) return observeResponse(wire, exchange);
    return leave(wire, exchange, random);
  },
};

async function ask({ wire, exchange }: Performance): Promise<Observed> {
  wire.socket.write(toBytes(exchange.plan));
  const observed = await observeResponse(wire, exchange);
  if (observed.kind !== "answer" || observed.closes) return observed;
  return { kind: "foul", fault: "an answer that keeps a connection which was to be closed" };
}

/** Leaves without reading the response: by FIN, by reset, or by a half-close without further bytes. */
function leave({ socket, transport }: ChaosWire, exchange: Exchange, random: Random): Observed {
  const way = random.below(3);
  exchange.note(`client: leaves (${["end", "reset", "destroy"][way] ?? ""})`);
  if (way === 0) socket.end();
  else if (way === 1) resetTransport(transport, socket);
  else socket.destroy();
  return { kind: "left" };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
