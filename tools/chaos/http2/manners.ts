/** Clients of HTTP/2 that do more or less than send a request and read its response. Each function resolves with what the client saw. */

import { type ClientHttp2Stream, constants } from "node:http2";
import { setTimeout as pause } from "node:timers/promises";

import type { Random } from "../../shared/random.ts";
import type { Exchange } from "../ledger.ts";
import type { Observed } from "../observed.ts";
import type { Manner, Plan } from "../plan.ts";
import type { FrameWatch } from "./frames.ts";
import { type StreamReading, readStream } from "./observe.ts";
import {
  type Connected,
  type OpenStream,
  hasContent,
  openRefused,
  openStream,
  toPieces,
} from "./request.ts";
import { useTunnel } from "./tunnel.ts";

/** What a client's manner works with. */
export interface StreamPerformance extends Connected {
  readonly frames: FrameWatch;
  readonly exchange: Exchange;
  readonly random: Random;
  /** Whether the client has broken off the connection. */
  isCut(): boolean;
  /** Whether the client has begun to close the connection in order. */
  isClosing(): boolean;
}

type Perform = (performance: StreamPerformance) => Promise<Observed>;

/** The manners of clients on a stream. */
export type StreamManner = Exclude<Manner, "close" | "http10" | "halfClose" | "halfHead">;

/** The weight of each manner. */
export const STREAM_MANNERS: Readonly<Record<StreamManner, number>> = {
  plain: 70,
  slowUpload: 5,
  slowReader: 4,
  deafReader: 0.05,
  expect: 3,
  abortWaiting: 5,
  abortReading: 4,
  abortUpload: 5,
  bad: 2,
  upgrade: 5,
};

/** After this time a reader that reads nothing begins to read: longer than headgate's limit for it. */
const DEAF_MS = 9_000;

/** The manners by name. */
export const STREAM_PERFORMANCES: Readonly<Record<StreamManner, Perform>> = {
  upgrade: useTunnel,
  async plain(performance) {
    const { exchange, random } = performance;
    const { stream } = openStream(performance, exchange.plan);
    const { observed } = readStream(stream, performance);
    sendContent(stream, exchange.plan, 1 + random.below(3));
    return observed;
  },
  async slowUpload(performance) {
    const { exchange, random } = performance;
    const { stream } = openStream(performance, exchange.plan);
    const { observed } = readStream(stream, performance);
    for (const piece of toPieces(exchange.plan, 4)) {
      await pause(random.below(5));
      if (isWritable(stream)) stream.write(piece);
    }
    if (isWritable(stream)) stream.end();
    return observed;
  },
  async slowReader(performance) {
    const { exchange, random } = performance;
    const { stream } = openStream(performance, exchange.plan);
    const { observed } = readStream(stream, performance);
    stream.pause();
    sendContent(stream, exchange.plan, 1);
    await pause(random.below(60));
    stream.resume();
    return observed;
  },
  async deafReader(performance) {
    const { stream } = openStream(performance, performance.exchange.plan);
    const { observed } = readStream(stream, performance);
    stream.pause();
    sendContent(stream, performance.exchange.plan, 1);
    const timer = setTimeout(() => stream.resume(), DEAF_MS);
    return observed.finally(() => clearTimeout(timer));
  },
  async expect(performance) {
    const { plan } = performance.exchange;
    const { stream } = openStream(performance, plan);
    const { observed } = readStream(stream, performance);
    let isSent = false;
    const sendOnce = (): void => {
      if (!isSent && isWritable(stream)) sendContent(stream, plan, 1);
      isSent = true;
    };
    stream.once("continue", sendOnce);
    return observed;
  },
  async abortWaiting(performance) {
    const { exchange, random } = performance;
    const opened = openStream(performance, exchange.plan);
    const reading = readStream(opened.stream, performance);
    sendContent(opened.stream, exchange.plan, 1);
    await pause(random.below(6));
    return leave(opened, reading, performance);
  },
  async abortReading(performance) {
    const { exchange, random } = performance;
    const opened = openStream(performance, exchange.plan);
    const reading = readStream(opened.stream, performance);
    sendContent(opened.stream, exchange.plan, 1);
    await reading.status;
    if (random.chance(0.5)) await pause(random.below(4));
    return leave(opened, reading, performance);
  },
  async abortUpload(performance) {
    const { exchange, random } = performance;
    const opened = openStream(performance, exchange.plan);
    const reading = readStream(opened.stream, performance);
    const pieces = toPieces(exchange.plan, 4);
    for (const piece of pieces.slice(0, random.below(4))) opened.stream.write(piece);
    await pause(random.below(4));
    return leave(opened, reading, performance);
  },
  async bad(performance) {
    const { stream } = openRefused(performance, performance.exchange.plan);
    return readStream(stream, performance).observed;
  },
};

function sendContent(stream: ClientHttp2Stream, plan: Plan, pieceCount: number): void {
  if (!hasContent(plan)) return;
  for (const piece of toPieces(plan, pieceCount)) stream.write(piece);
  stream.end();
}

function isWritable(stream: ClientHttp2Stream): boolean {
  return !stream.closed && !stream.destroyed && !stream.writableEnded;
}

/** Resets the stream. A request whose content is not complete may not end before: it would look complete. */
function leave(
  { stream, cancel }: OpenStream,
  reading: StreamReading,
  { exchange, random }: StreamPerformance,
): Promise<Observed> {
  const code = random.pick(["NO_ERROR", "CANCEL", "INTERNAL_ERROR", "REFUSED_STREAM"] as const);
  if (stream.closed || stream.destroyed) return reading.observed;
  reading.leave();
  const isComplete = !hasContent(exchange.plan);
  exchange.note(`client: resets the stream (${isComplete ? code : "CANCEL"})`);
  if (isComplete) stream.close(constants[`NGHTTP2_${code}`]);
  else cancel();
  return reading.observed;
}
