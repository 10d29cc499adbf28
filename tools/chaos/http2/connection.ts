/** A client's connection of HTTP/2: many streams at once, while the client pings, changes its windows, or breaks the connection off. */

import { once } from "node:events";
import { type ClientHttp2Session, type Settings, connect, constants } from "node:http2";
import { setTimeout as pause } from "node:timers/promises";

import { Transport } from "../../../test/support/peer.ts";
import { resetTransport } from "../../../test/support/reset.ts";
import type { Random } from "../../shared/random.ts";
import type { ClientConnection, Desk } from "../desk.ts";
import type { Sockets } from "../sockets.ts";
import { type FrameWatch, watchFrames } from "./frames.ts";
import { STREAM_MANNERS, STREAM_PERFORMANCES } from "./manners.ts";

const MAX_REQUESTS = 80;
/** Streams at one time. All connections together stay below the upstreams' `maxConnections`. */
const MAX_STREAMS = 8;

/** What a client does to its connection in the middle of its requests. */
type Act = "none" | "close" | "goaway" | "end" | "reset" | "destroy" | "halfFrame";

const ACTS: Readonly<Record<Act, number>> = {
  none: 60,
  close: 8,
  goaway: 8,
  end: 3,
  reset: 3,
  destroy: 3,
  halfFrame: 3,
};

/** One connection and what is known of it. */
interface Link {
  readonly sockets: Sockets;
  readonly session: ClientHttp2Session;
  readonly frames: FrameWatch;
  readonly scheme: string;
  /** The client has broken the connection off. */
  isCut: boolean;
  /** The client has begun to close the connection in order. */
  isClosing: boolean;
}

/** Begins HTTP/2 on a connection. Rejects if the server does not. */
export async function beginHttp2(
  sockets: Sockets,
  scheme: string,
  random: Random,
): Promise<ClientConnection> {
  const { socket } = sockets;
  const frames = watchFrames();
  socket.on("data", frames.take); // before the session gets the bytes
  const session = connect(`${scheme}://chaos.test`, {
    createConnection: () => new Transport(socket),
    settings: drawSettings(random),
  });
  session.on("error", () => undefined);
  const settings = once(session, "remoteSettings");
  settings.catch(() => undefined);
  const isOpen = await Promise.race([
    settings.then(() => true),
    once(session, "close").then(() => false),
  ]);
  if (!isOpen) throw new Error("the connection ended before its SETTINGS");
  const link: Link = { sockets, session, frames, scheme, isCut: false, isClosing: false };
  return {
    use: (desk) => useLink(link, desk),
    close() {
      link.isClosing = true;
      session.destroy();
      socket.destroy();
    },
  };
}

async function useLink(link: Link, desk: Desk): Promise<void> {
  const { session, frames } = link;
  const { random } = desk;
  let left = 1 + random.below(MAX_REQUESTS);
  const actAt = random.below(left);
  const act = random.weighted(ACTS);
  const acting: Promise<void>[] = [];
  session.once("close", () => checkEnd(link, desk));

  async function useLane(): Promise<void> {
    while (left > 0 && !desk.isOver() && !session.closed && !session.destroyed) {
      left -= 1;
      if (left === actAt) acting.push(performAct(link, act, desk));
      if (random.chance(0.05)) disturb(session, random);
      const manner = random.weighted(STREAM_MANNERS);
      const exchange = desk.begin(manner);
      const observed = await STREAM_PERFORMANCES[manner]({
        session,
        frames,
        exchange,
        random,
        scheme: link.scheme,
        isCut: () => link.isCut,
        isClosing: () => link.isClosing,
      });
      desk.settle(exchange, observed);
    }
  }

  await Promise.all(Array.from({ length: 1 + random.below(MAX_STREAMS) }, useLane));
  await Promise.all(acting);
  const fault = frames.fault();
  if (fault !== undefined) desk.violated(fault);
}

/** A connection of which every stream is served ends only when its client ends it, or headgate stops. */
function checkEnd({ isCut, isClosing, frames }: Link, desk: Desk): void {
  if (!isCut && !isClosing && !desk.isStopping())
    desk.violated(`a connection ended without a cause, GOAWAY ${String(frames.goaway())}`);
}

/** Does what changes nothing for the streams. */
function disturb(session: ClientHttp2Session, random: Random): void {
  if (random.chance(0.5)) session.ping(() => undefined);
  else session.settings(drawSettings(random));
}

/** The windows of each stream; small ones stop headgate after a few bytes. */
function drawSettings(random: Random): Settings {
  return {
    initialWindowSize: random.pick([65_535, 65_535, 65_535, 1_000_000, 6_000, 700]),
    headerTableSize: random.pick([4_096, 4_096, 0, 100]),
    enablePush: false,
  };
}

async function performAct(link: Link, act: Act, desk: Desk): Promise<void> {
  const { session, sockets } = link;
  const { socket, transport } = sockets;
  await pause(desk.random.below(10));
  if (act === "none" || session.destroyed) return;
  if (act === "close" || act === "goaway") {
    link.isClosing = true;
    if (act === "goaway") session.goaway(constants.NGHTTP2_NO_ERROR);
    session.close();
    return;
  }
  link.isCut = true;
  if (act === "halfFrame") socket.write(Buffer.from([0, 0, 8, 0]));
  if (act === "reset") resetTransport(transport, socket);
  else if (act === "destroy") session.destroy(undefined, constants.NGHTTP2_CANCEL);
  else socket.end();
  if (act !== "reset") await pause(desk.random.below(5));
  session.destroy();
  socket.destroy();
}
