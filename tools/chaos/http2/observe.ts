/** Reads the response to one request over HTTP/2, and describes what the client saw. */

import { type ClientHttp2Stream, constants } from "node:http2";

import { toLines, toStatus } from "../../../test/support/http2.ts";
import type { Exchange } from "../ledger.ts";
import type { Observed } from "../observed.ts";
import { isBodiless } from "../plan.ts";
import { createResponseCheck } from "../response-check.ts";
import { MAX_SILENCE_MS } from "../wire.ts";
import type { FrameWatch, StreamFrames } from "./frames.ts";

const NO_ERROR = constants.NGHTTP2_NO_ERROR;
const PROTOCOL_ERROR = constants.NGHTTP2_PROTOCOL_ERROR;
const REFUSED_STREAM = constants.NGHTTP2_REFUSED_STREAM;

/** A response that is being read. */
export interface StreamReading {
  /** Resolves with the status of the final response; undefined if none comes. */
  readonly status: Promise<number | undefined>;
  /** Resolves when the stream is closed. Never rejects. */
  readonly observed: Promise<Observed>;
  /** To be called before the client resets the stream. */
  leave(): void;
}

/** What a reading needs beside the stream. */
export interface ReadingParts {
  readonly exchange: Exchange;
  readonly frames: FrameWatch;
  /** Whether the client has broken off the connection. */
  isCut(): boolean;
  /** Whether the client has begun to close the connection in order. */
  isClosing(): boolean;
  /** Takes the content in place of the check, if it is that of a tunnel. */
  readonly onTunnelBytes?: (piece: Buffer) => void;
}

/** Reads all that comes on a stream. */
export function readStream(
  stream: ClientHttp2Stream,
  { exchange, frames, isCut, isClosing, onTunnelBytes }: ReadingParts,
): StreamReading {
  const { plan } = exchange;
  const check = createResponseCheck(exchange);
  let status: number | undefined;
  let trailers: readonly string[] = [];
  const early: Buffer[] = [];
  let isHung = false;
  let hasLeft = false;
  const timer = setTimeout(giveUp, MAX_SILENCE_MS);
  const touch = (): void => void timer.refresh();
  type Listener = (headers: unknown, flags: number, raw: readonly string[]) => void;
  const on = (event: string, listener: Listener): void => void stream.on(event, listener);

  stream.on("error", (error) => exchange.note(`client: ${String(error)}`));
  // Node keeps a stream that was reset without an error and without END_STREAM while the client's own content waits.
  stream.once("aborted", () => {
    if (!frames.of(stream.id ?? 0).isEnded) setImmediate(() => stream.destroy());
  });
  on("headers", (_headers, _flags, raw) => {
    touch();
    check.onInterim(toStatus(raw), toLines(raw));
  });
  on("trailers", (_headers, _flags, raw) => void (trailers = toLines(raw)));
  stream.on("data", (piece: Buffer) => {
    touch();
    // Node emits `response` after this turn, and content that came with the header section in it.
    if (status === undefined) early.push(piece);
    else takeContent(piece);
  });
  return {
    leave: () => void (hasLeft = true),
    status: new Promise((resolve) => {
      on("response", (_headers, _flags, raw) => {
        touch();
        status = toStatus(raw);
        check.onHead(status, toLines(raw));
        for (const piece of early.splice(0)) takeContent(piece);
        resolve(status);
      });
      stream.once("close", () => resolve(status));
    }),
    observed: new Promise((resolve) => {
      stream.once("close", () => {
        clearTimeout(timer);
        const seen = frames.of(stream.id ?? 0);
        const observed = conclude(seen);
        const { isEnded, resetCode } = seen;
        const end = `END_STREAM ${isEnded}, RST_STREAM ${resetCode}, rstCode ${stream.rstCode}${isClosing() ? ", closing" : ""}`;
        exchange.note(`client: ${JSON.stringify(observed)}; ${end}`);
        resolve(observed);
      });
    }),
  };

  function takeContent(piece: Buffer): void {
    if (onTunnelBytes !== undefined && status === 200) onTunnelBytes(piece);
    else check.onContent(piece);
  }

  function giveUp(): void {
    isHung = true;
    stream.destroy();
  }

  function conclude(seen: StreamFrames): Observed {
    const fault = check.fault() ?? seen.fault;
    if (fault !== undefined) return { kind: "foul", fault };
    if (hasLeft || isCut()) return { kind: "left" };
    if (isHung) return { kind: "hung" };
    if (seen.isEnded && (seen.resetCode ?? NO_ERROR) !== NO_ERROR)
      return { kind: "foul", fault: `END_STREAM, and then RST_STREAM with ${seen.resetCode}` };
    if (seen.isEnded && stream.rstCode === NO_ERROR) return complete(seen);
    return { kind: check.hasBegun() ? "broken" : toKindOfNothing(stream.rstCode, seen) };
  }

  function toKindOfNothing(rstCode: number, { resetCode }: StreamFrames) {
    // nghttp2 sends GOAWAY before requests that wait, if it sends them at all, and refuses those that come behind one.
    if (rstCode === REFUSED_STREAM && isClosing() && exchange.arrivals === 0) return "left";
    // A malformed request is not processed either (RFC 9113 §8.1.1).
    return rstCode === REFUSED_STREAM || resetCode === PROTOCOL_ERROR ? "refused" : "nothing";
  }

  function complete({ isEndedAtHead }: StreamFrames): Observed {
    if (onTunnelBytes !== undefined && status === 200)
      return { kind: "answer", from: "upstream", status: 101, id: plan.id, closes: false };
    if (status !== undefined && isBodiless(plan.method, status) && !isEndedAtHead)
      check.foul(`a ${status} to ${plan.method} that did not end with its header section`);
    return check.complete({ trailers, takesTrailers: true, closes: false });
  }
}
