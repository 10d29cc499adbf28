/** The upstream: parses requests strictly, checks that a client sent each of them, and responds as its path orders. */

import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import {
  type ByteReader,
  fieldValues,
  framingOf,
  readBody,
  readBytes,
  readHead,
} from "../../test/support/message.ts";
import type { Calm } from "./calm.ts";
import { checkContent } from "./content.ts";
import { echo } from "./echo.ts";
import type { Ledger } from "./ledger.ts";
import { type Order, type Plan, type Road, fromTarget, hasUploadTrailer } from "./plan.ts";
import type { Random } from "../shared/random.ts";
import { type Peer, toPlainPeer, toTlsPeer } from "../../test/support/peer.ts";
import { type Arrival, perform } from "./script.ts";

const REST_MS = 200;

/** So long after its client has left, headgate has ended a request even if the machine is busy. */
const ENDLESS_MS = 12_000;

/** An upstream from its start to its death. */
export interface Life {
  /** `http://address:port`, or the path of its socket. */
  readonly address: string;
  /** 0 for a socket path. */
  readonly port: number;
  /** Stops listening and resets every connection. */
  die(): Promise<void>;
}

/** The parts that upstreams work with. */
export interface Surroundings {
  readonly ledger: Ledger;
  readonly calm: Calm;
  readonly random: Random;
  /** How long an endless response goes on if nothing ends it; 12 s if it is left out. */
  readonly endlessMs?: number;
}

/** Listens on that address, by default on a free port, or on that path. */
export async function startLife(
  road: Road,
  where: { readonly host: string; readonly port?: number } | { readonly path: string },
  surroundings: Surroundings,
): Promise<Life> {
  const peers = new Set<Peer>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const peer = road === "tls" ? toTlsPeer(socket) : toPlainPeer(socket);
    peers.add(peer);
    socket.once("close", () => peers.delete(peer)).on("error", () => undefined);
    peer.socket.on("error", () => undefined);
    serve(road, peer, surroundings).catch((error: unknown) => {
      // headgate may abort a request, but may not send malformed HTTP.
      if (!isBreak(error))
        surroundings.ledger.violated(`the upstream read no request: ${String(error)}`);
      socket.destroy();
    });
  });
  server.listen("path" in where ? where : { port: 0, ...where });
  await once(server, "listening");
  const port = "path" in where ? 0 : (server.address() as AddressInfo).port;
  return {
    address: "path" in where ? where.path : `http://${where.host}:${port}`,
    port,
    async die() {
      const closed = once(server, "close");
      server.close();
      for (const peer of peers) peer.reset();
      await closed;
    },
  };
}

async function serve(road: Road, peer: Peer, around: Surroundings): Promise<void> {
  const { calm, ledger, random } = around;
  const { socket } = peer;
  // headgate's own limit closes idle connections long before this timeout.
  const bytes = readBytes(socket, 60_000);
  for (let turn = 1; ; turn += 1) {
    if (!(await hasNext(bytes, peer))) return;
    const arrival = await receive({ bytes, peer, turn }, road, around);
    if (arrival === undefined) return void socket.destroy();
    if (arrival.order.fault === "upgrade") return echo(arrival, bytes);
    const afterwards = await perform(arrival).catch((error: unknown) => {
      if (isBreak(error)) return "done" as const;
      throw error;
    });
    arrival.exchange.note(`upstream: answered, connection ${afterwards}`);
    if (afterwards === "done") return endWith(arrival);
    await arrival.completed;
    if (bytes.unread().length > 0 && !arrival.order.fault.startsWith("early"))
      ledger.violated("a request came before the response to the one before it", arrival.exchange);
    // A long response may still be on its way after the write; its connection is not idle.
    const isIdle = bytes.unread().length === 0 && arrival.order.size < 8_000;
    if (isIdle && random.chance(0.04)) endWhileIdle(peer, { road, calm, random });
    else if (road === "narrow" && bytes.unread().length === 0)
      endAfterRest(peer, () => calm.idleClosed(road));
  }
}

/** Reads until the peer has ended too. */
async function endWith({ completed, closed, socket }: Arrival): Promise<void> {
  completed.catch(() => undefined);
  const timer = setTimeout(() => socket.destroy(), 10_000);
  await closed;
  clearTimeout(timer);
  socket.destroy();
}

async function hasNext(
  bytes: ByteReader & { readonly closed: Promise<string> },
  { socket, ended }: Peer,
): Promise<boolean> {
  if (bytes.unread().length > 0) return true;
  await Promise.race([once(socket, "data"), bytes.closed]);
  // Bytes after its own end stay unread: this is how a request meets a dead connection.
  if (bytes.unread().length > 0 && ended() === "no") return true;
  socket.destroy();
  return false;
}

interface Incoming {
  readonly bytes: ByteReader & { readonly closed: Promise<unknown> };
  readonly peer: Peer;
  readonly turn: number;
}

async function receive(
  { bytes, peer, turn }: Incoming,
  road: Road,
  { ledger, calm, endlessMs = ENDLESS_MS }: Surroundings,
): Promise<Arrival | undefined> {
  const head = await readHead(bytes);
  const [, method = "", target = ""] = /^([A-Z]+) (\S+) HTTP\/1\.1$/.exec(head.start) ?? [];
  const order = fromTarget(target);
  const { socket } = peer;
  const writtenBytes = socket.bytesWritten;
  const hasResponse = (): boolean => socket.bytesWritten > writtenBytes;
  const exchange = ledger.arrived(order.id, { method, turn, ended: peer.ended, hasResponse });
  if (exchange === undefined) return undefined;
  exchange.note(`upstream: request ${exchange.arrivals}, the connection's number ${turn}`);
  if (order.road !== road) ledger.violated(`a request for ${order.road} came by ${road}`, exchange);
  const framing = framingOf(head) ?? 0;
  const whole = readBody(bytes, framing).then(({ body, trailers }) => {
    const fault = uploadFault(order, body) ?? trailerFault(exchange.plan, trailers);
    if (fault !== undefined) ledger.violated(`the upstream got ${fault}`, exchange);
  });
  whole.catch((error: unknown) =>
    exchange.note(`upstream: content broke off: ${String(error).slice(0, 200)}`),
  );
  if (fieldValues(head, "expect").length > 0) socket.write("HTTP/1.1 100 Continue\r\n\r\n");
  const onIdleEnd = (): void => calm.idleClosed(road);
  const onForgotten = (): void =>
    ledger.violated("the request went on upstream after its client had left", exchange);
  const [webSocketKey] = fieldValues(head, "sec-websocket-key");
  return {
    order,
    method,
    exchange,
    socket,
    peer,
    turn,
    completed: whole,
    closed: bytes.closed,
    onIdleEnd,
    onForgotten,
    webSocketKey,
    endlessMs,
  };
}

function trailerFault(plan: Plan, lines: readonly string[]): string | undefined {
  const expected = hasUploadTrailer(plan) ? plan.id : undefined;
  const [trailer] = fieldValues({ lines }, "x-chaos-trailer");
  return trailer === expected ? undefined : `the trailer ${trailer} with an upload`;
}

/** A complete upload must equal the planned one, to its last byte. */
function uploadFault({ id, upload }: Order, body: Buffer): string | undefined {
  const check = checkContent(id, upload);
  check.take(body);
  if (check.fault() !== undefined) return check.fault();
  return body.length === upload
    ? undefined
    : `an upload of ${body.length} bytes instead of ${upload}`;
}

/** Closes an idle connection at a moment when headgate may be sending a request on it. */
function endWhileIdle(
  peer: Peer,
  { road, calm, random }: Pick<Surroundings, "calm" | "random"> & { readonly road: Road },
): void {
  const { socket } = peer;
  const isCut = random.chance(0.5);
  const isReset = random.chance(0.5);
  const timer = setTimeout(end, random.below(6));
  socket.once("data", cancel).once("close", cancel);

  function end(): void {
    // TLS writes a response in several turns. A connection on which some of it still waits is not idle, and a reset would lose it.
    if (socket.writableLength > 0) return cancel();
    socket.off("data", cancel);
    calm.idleClosed(road);
    if (isReset) peer.reset();
    else if (isCut) peer.cut();
    else socket.end();
  }
  function cancel(): void {
    clearTimeout(timer);
    socket.off("data", cancel).off("close", cancel);
  }
}

/** Closes connections like an upstream whose keep-alive is shorter than headgate's. */
function endAfterRest({ socket }: Peer, onEnd: () => void): void {
  const timer = setTimeout(() => {
    onEnd();
    socket.end();
  }, REST_MS);
  const cancel = (): void => {
    clearTimeout(timer);
    socket.off("data", cancel).off("close", cancel);
  };
  socket.once("data", cancel).once("close", cancel);
}

function isBreak(error: unknown): boolean {
  return error instanceof Error && "closeKind" in error && error.closeKind !== undefined;
}
