/** The upstream: takes requests apart strictly, sees that each is one that was sent, and answers as its path asks. */

import { once } from "node:events";
import { type AddressInfo, type Socket, createServer } from "node:net";
import { type ByteReader, framingOf, readBody, readBytes, readHead } from "../support/message.ts";
import type { Calm } from "./calm.ts";
import { checkContent } from "./content.ts";
import { echo } from "./echo.ts";
import type { Ledger } from "./ledger.ts";
import { type Order, type Road, fromTarget } from "./plan.ts";
import type { Random } from "./random.ts";
import { reset } from "../support/reset.ts";
import { type Arrival, perform } from "./script.ts";

/** One life of an upstream: from its listening to its death. */
export interface Life {
  /** `http://address:port`, or the path of its socket. */
  readonly address: string;
  /** Stops listening and resets every connection. */
  die(): Promise<void>;
}

export interface Surroundings {
  readonly ledger: Ledger;
  readonly calm: Calm;
  readonly random: Random;
}

/** Listens on a free port of that address, or on that path. */
export async function startLife(
  road: Road,
  where: { readonly host: string } | { readonly path: string },
  surroundings: Surroundings,
): Promise<Life> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket)).on("error", () => undefined);
    serve(road, socket, surroundings).catch((error: unknown) => {
      // A request that headgate broke off is part of the game; one that is no HTTP is not.
      if (!isBreak(error))
        surroundings.ledger.violated(`the upstream read no request: ${String(error)}`);
      socket.destroy();
    });
  });
  server.listen("path" in where ? where : { ...where, port: 0 });
  await once(server, "listening");
  const address =
    "path" in where ? where.path : `http://${where.host}:${(server.address() as AddressInfo).port}`;
  return {
    address,
    async die() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) reset(socket);
      await closed;
    },
  };
}

async function serve(road: Road, socket: Socket, around: Surroundings): Promise<void> {
  const { calm, random } = around;
  // Idle connections end by headgate's own limit, long before this patience does.
  const bytes = readBytes(socket, 60_000);
  for (let turn = 1; ; turn += 1) {
    if (!(await hasNext(bytes, socket))) return;
    const arrival = await receive({ bytes, socket, turn }, road, around);
    if (arrival === undefined) return void socket.destroy();
    if (arrival.order.fault === "upgrade") return echo(arrival, bytes);
    const afterwards = await perform(arrival).catch((error: unknown) => {
      if (isBreak(error)) return "done" as const;
      throw error;
    });
    arrival.exchange.note(`upstream: answered, connection ${afterwards}`);
    if (afterwards === "done") return endWith(arrival);
    await arrival.whole;
    // A long answer may still be on its way when it is written: that would be no idle connection.
    const isIdle = bytes.unread().length === 0 && arrival.order.size < 8_000;
    if (isIdle && random.chance(0.04)) endWhileIdle(socket, road, { calm, random });
  }
}

/** Reads on until the other side has ended too. */
async function endWith({ whole, closed, socket }: Arrival): Promise<void> {
  whole.catch(() => undefined);
  const timer = setTimeout(() => socket.destroy(), 10_000);
  await closed;
  clearTimeout(timer);
  socket.destroy();
}

async function hasNext(
  bytes: ByteReader & { readonly closed: Promise<string> },
  socket: Socket,
): Promise<boolean> {
  if (bytes.unread().length > 0) return true;
  await Promise.race([once(socket, "data"), bytes.closed]);
  // What comes after its own end is not read: that is what makes a request meet a dead connection.
  if (bytes.unread().length > 0 && !socket.writableEnded) return true;
  socket.destroy();
  return false;
}

interface Incoming {
  readonly bytes: ByteReader & { readonly closed: Promise<unknown> };
  readonly socket: Socket;
  readonly turn: number;
}

async function receive(
  { bytes, socket, turn }: Incoming,
  road: Road,
  { ledger, calm }: Surroundings,
): Promise<Arrival | undefined> {
  const head = await readHead(bytes);
  const [, method = "", target = ""] = /^([A-Z]+) (\S+) HTTP\/1\.1$/.exec(head.start) ?? [];
  const order = fromTarget(target);
  const exchange = ledger.arrived(order.id);
  if (exchange === undefined) return undefined;
  exchange.note(`upstream: request ${exchange.arrivals}, the connection's number ${turn}`);
  if (order.road !== road) ledger.violated(`a request for ${order.road} came by ${road}`, exchange);
  const framing = framingOf(head) ?? 0;
  const whole = readBody(bytes, framing).then(({ body }) => {
    const fault = uploadFault(order, body);
    if (fault !== undefined) ledger.violated(`the upstream got ${fault}`, exchange);
  });
  whole.catch((error: unknown) =>
    exchange.note(`upstream: content broke off: ${String(error).slice(0, 200)}`),
  );
  const onIdleEnd = (): void => calm.idleClosed(road);
  return { order, method, exchange, socket, turn, whole, closed: bytes.closed, onIdleEnd };
}

/** An upload that ends well must be the one that was meant, to its last byte. */
function uploadFault({ id, upload }: Order, body: Buffer): string | undefined {
  const check = checkContent(id, upload);
  check.take(body);
  if (check.fault() !== undefined) return check.fault();
  return body.length === upload
    ? undefined
    : `an upload of ${body.length} bytes instead of ${upload}`;
}

/** Ends an idle connection at a moment when headgate may just be sending on it. */
function endWhileIdle(
  socket: Socket,
  road: Road,
  { calm, random }: Pick<Surroundings, "calm" | "random">,
): void {
  const isReset = random.chance(0.5);
  const timer = setTimeout(end, random.below(6));
  socket.once("data", cancel).once("close", cancel);

  function end(): void {
    socket.off("data", cancel);
    calm.idleClosed(road);
    if (isReset) reset(socket);
    else socket.end();
  }
  function cancel(): void {
    clearTimeout(timer);
  }
}

function isBreak(error: unknown): boolean {
  return error instanceof Error && "ending" in error && error.ending !== undefined;
}
