/** The faults, one function each, as the upstream performs them. */

import type { Socket } from "node:net";
import { type Bytes, headText, cutResponse, joined, fullResponse } from "./responses.ts";
import { contentOf } from "./content.ts";
import type { FaultName } from "./faults.ts";
import { refusesHead } from "./heads.ts";
import type { Exchange } from "./ledger.ts";
import { toMalformed } from "./malformed.ts";
import type { Peer } from "../../test/support/peer.ts";
import type { Order } from "./plan.ts";

/** One request that arrived at the upstream. */
export interface Arrival {
  readonly order: Order;
  readonly method: string;
  readonly exchange: Exchange;
  readonly socket: Socket;
  readonly peer: Peer;
  /** Records that the connection ends at a time when the client may already have read the response. */
  onIdleEnd(): void;
  /** The key of a request for a WebSocket. */
  readonly webSocketKey: string | undefined;
  /** How long an endless response goes on if nothing ends it, in milliseconds. */
  readonly endlessMs: number;
  /** Records that headgate goes on reading a response whose client has left. */
  onForgotten(): void;
  /** 1 for the first request of its connection. */
  readonly turn: number;
  /** Resolves with the complete content; rejects if it breaks off. */
  readonly completed: Promise<void>;
  /** Resolves when the connection has closed. */
  readonly closed: Promise<unknown>;
}

/** `keep`: the connection stays open. `done`: its end was sent or will come. */
export type Afterwards = "keep" | "done";

type Script = (arrival: Arrival) => Promise<Afterwards>;

const POISON = headText(200, "poison", ["Content-Length: 6"]) + "poison";

/** Performs what the request's path orders. */
export function perform(arrival: Arrival): Promise<Afterwards> {
  const { fault, salt } = arrival.order;
  if (arrival.method === "HEAD" && refusesHead(salt)) return refuseHead(arrival);
  return fault === "upgrade" ? Promise.resolve("done") : SCRIPTS[fault](arrival);
}

const SCRIPTS: Readonly<Record<FaultName, Script>> = {
  none: respondWhole,
  async slow(arrival) {
    await pause(5 + (arrival.order.salt % 30));
    return respondWhole(arrival);
  },
  async dribble(arrival) {
    await arrival.completed;
    const bytes = joined(whole(arrival));
    const step = Math.max(1, Math.ceil(bytes.length / (2 + (arrival.order.salt % 5))));
    for (let at = 0; at < bytes.length; at += step) {
      arrival.socket.write(bytes.subarray(at, at + step));
      if (at + step < bytes.length) await pause(1);
    }
    return finish(arrival);
  },
  async status(arrival) {
    await arrival.completed;
    return send(arrival, whole(arrival, [404, 410, 500, 503][arrival.order.salt % 4]));
  },
  async bodiless(arrival) {
    await arrival.completed;
    const { id, salt } = arrival.order;
    const fields = salt % 3 === 0 ? [`Content-Length: ${salt}`] : [];
    arrival.socket.write(headText(salt % 2 === 0 ? 204 : 304, id, fields));
    return "keep";
  },
  async interim(arrival) {
    const { id, salt } = arrival.order;
    for (let count = 0; count <= salt % 3; count += 1)
      arrival.socket.write(headText([103, 102, 100][count] ?? 103, id, ["Link: </a>"]));
    return respondWhole(arrival);
  },
  trailers: respondWhole,
  async halfClose(arrival) {
    await arrival.completed;
    arrival.onIdleEnd();
    arrival.socket.end(joined(whole(arrival)));
    return "done";
  },
  async extra(arrival) {
    await arrival.completed;
    arrival.socket.write(joined([...whole(arrival), POISON]));
    return "done";
  },
  async stale(arrival) {
    if (arrival.turn === 1 || arrival.exchange.isStale) return respondWhole(arrival);
    arrival.exchange.isStale = true;
    return arrival.order.salt % 2 === 0 ? breakOff(arrival) : close(arrival);
  },
  async earlyKeep(arrival) {
    send(arrival, whole(arrival, 413));
    await arrival.completed;
    return "keep";
  },
  async earlyClose(arrival) {
    arrival.onIdleEnd();
    arrival.socket.end(joined(whole(arrival, 413)));
    return "done";
  },
  async earlyReset(arrival) {
    send(arrival, whole(arrival, 413));
    await pause(arrival.order.salt % 3);
    arrival.onIdleEnd();
    return breakOff(arrival);
  },
  async resetBefore(arrival) {
    await pause(arrival.order.salt % 4);
    return breakOff(arrival);
  },
  async closeBefore(arrival) {
    if (arrival.order.salt % 2 === 0) await arrival.completed;
    return close(arrival);
  },
  async malformed(arrival) {
    await arrival.completed;
    arrival.socket.write(toMalformed(arrival.order.salt), "latin1");
    return "done";
  },
  async longHead(arrival) {
    await arrival.completed;
    const line = `X-Long: ${"x".repeat(1_000)}`;
    return send(arrival, [headText(200, arrival.order.id, Array(100).fill(line) as string[])]);
  },
  async flood(arrival) {
    await arrival.completed;
    const interim = headText(102, arrival.order.id, []);
    arrival.socket.write(interim.repeat(150));
    return respondWhole(arrival);
  },
  async switched(arrival) {
    await arrival.completed;
    const fields = ["Connection: Upgrade", "Upgrade: chaos"];
    arrival.socket.write(headText(101, arrival.order.id, fields));
    return "done";
  },
  async resetMid(arrival) {
    await arrival.completed;
    write(arrival, cut(arrival));
    await pause(arrival.order.salt % 3);
    endIfWhole(arrival);
    return breakOff(arrival);
  },
  async closeMid(arrival) {
    await arrival.completed;
    write(arrival, cut(arrival));
    endIfWhole(arrival);
    return close(arrival);
  },
  async truncated(arrival) {
    await arrival.completed;
    write(arrival, cut(arrival));
    arrival.peer.cut();
    return "done";
  },
  async badChunk(arrival) {
    await arrival.completed;
    const head = headText(200, arrival.order.id, ["Transfer-Encoding: chunked"]);
    // The last chunk is longer than its announced size: an id and its separator have more than two bytes.
    const bad = ["zz\r\n", "-1\r\n", "fffffffffffffffff\r\n", `2\r\n${arrival.order.id}|\r\n`];
    return send(arrival, [head, bad[arrival.order.salt % bad.length] ?? ""]);
  },
  async endless(arrival) {
    const { order, socket, exchange, endlessMs } = arrival;
    let isClosed = false;
    arrival.closed.then(() => (isClosed = true)).catch(() => undefined);
    socket.write(headText(200, order.id, ["Transfer-Encoding: chunked"]));
    const piece = contentOf(order.id, order.id.length + 1).toString();
    for (const endMs = performance.now() + endlessMs; performance.now() < endMs && !isClosed;) {
      socket.write(`${piece.length.toString(16)}\r\n${piece}\r\n`);
      await pause(25);
    }
    if (!isClosed) arrival.onForgotten();
    exchange.note("upstream: the endless response has ended");
    return breakOff(arrival);
  },
  async stallBefore(arrival) {
    await arrival.closed;
    return "done";
  },
  async stallMid(arrival) {
    await arrival.completed;
    write(arrival, cut(arrival));
    if (arrival.method === "HEAD") return "keep";
    await arrival.closed;
    return "done";
  },
};

/** The complete response, without its content for a HEAD. */
function whole({ order, method }: Arrival, status?: number): readonly Bytes[] {
  const pieces = fullResponse(order, status);
  return method === "HEAD" ? pieces.slice(0, 1) : pieces;
}

/** The part of a response that comes before its connection fails. For a HEAD it is complete. */
function cut({ order, method }: Arrival): readonly Bytes[] {
  const pieces = cutResponse(order);
  return method === "HEAD" ? pieces.slice(0, 1) : pieces;
}

/** The connection of a complete response ends while headgate may use it again. */
function endIfWhole({ method, onIdleEnd }: Arrival): void {
  if (method === "HEAD") onIdleEnd();
}

function refuseHead(arrival: Arrival): Promise<Afterwards> {
  const fields = ["Allow: GET", "Content-Length: 0"];
  arrival.socket.write(headText(405, arrival.order.id, fields));
  return Promise.resolve("keep");
}

async function respondWhole(arrival: Arrival): Promise<Afterwards> {
  await arrival.completed;
  return send(arrival, whole(arrival));
}

function send(arrival: Arrival, pieces: readonly Bytes[]): Afterwards {
  write(arrival, pieces);
  return finish(arrival);
}

function write({ socket }: Arrival, pieces: readonly Bytes[]): void {
  socket.cork();
  for (const piece of pieces) socket.write(piece, "latin1");
  socket.uncork();
}

function finish(arrival: Arrival): Afterwards {
  return arrival.order.framing === "close" ? close(arrival) : "keep";
}

function close({ socket }: Arrival): Afterwards {
  socket.end();
  return "done";
}

function breakOff({ peer }: Arrival): Afterwards {
  peer.reset();
  return "done";
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
