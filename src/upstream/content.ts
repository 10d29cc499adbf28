/** The content of a response on its way from the connection to its reader: held until it is read, relayed or counted. */

import type { ProxyError } from "../http/errors.ts";
import type { UpstreamConnection } from "./connection.ts";
import type { GcPressure } from "./gc-pressure.ts";

/** The content of a response. What comes before it is read is kept: at most what one read of the socket brought. */
export interface Content {
  /** All of it as latin1, where it is short, came together with the header section and had no trailers. */
  whole(): string | undefined;
  /** How many bytes all of it has, where the request said `skip` and it has ended. */
  skipped(): number | undefined;
  read(reader: ContentReader): void;
  /** Reads on for the sake of the connection. Only where the request said `skip`. */
  skip(reader: ContentSkipper): void;
  pause(): void;
  resume(): void;
  /** Drops the connection; the reader hears nothing more. */
  abort(): void;
  /** Whether the connection carries a login, which would be lost with it. */
  isPrivate(): boolean;
}

interface ContentEnds {
  onEnd(rawTrailers: readonly string[]): void;
  onError(error: ProxyError): void;
}

export interface ContentReader extends ContentEnds {
  /** Returns whether the chunk is still needed; it is valid no longer where it is not. */
  onChunk(chunk: Buffer): boolean;
}

export interface ContentSkipper extends ContentEnds {
  onBytes(length: number): void;
}

/** The content as its connection sees it. */
export interface IncomingContent {
  readonly content: Content;
  push(bytes: Buffer, start: number, end: number): void;
  end(rawTrailers: readonly string[]): void;
  fail(error: ProxyError): void;
}

/** Content that came before it was read: a short beginning as latin1 alone, or chunks. */
interface Early {
  readonly text: string | undefined;
  readonly chunks: readonly Buffer[];
}

// As text it leaves in one write together with the header section, which saves a sixth of the exchange.
const SHORT_BYTES = 16 * 1024;

/** Creates the content of one response that comes on `connection`. */
export function createContent(
  connection: UpstreamConnection,
  mode: "relay" | "skip",
  onBytes: GcPressure,
): IncomingContent {
  const isSkipped = mode === "skip";
  let isOver = false;
  let reader: ContentReader | undefined;
  let skipper: ContentSkipper | undefined;
  let skippedBytes = 0;
  let early: Early | undefined;
  let earlyEnd: readonly string[] | undefined;
  let earlyError: ProxyError | undefined;

  const content: Content = {
    whole() {
      if (earlyEnd?.length !== 0) return undefined;
      return early === undefined ? "" : early.text;
    },
    skipped: () => (isSkipped && earlyEnd !== undefined ? skippedBytes : undefined),
    read(next) {
      reader = next;
      if (early?.text !== undefined) next.onChunk(Buffer.from(early.text, "latin1"));
      for (const chunk of early?.chunks ?? []) next.onChunk(chunk);
      early = undefined;
      endNow(next);
    },
    skip(next) {
      skipper = next;
      if (skippedBytes > 0) next.onBytes(skippedBytes);
      endNow(next);
    },
    // The connection may be serving another request by the time a reader's backpressure lets go.
    pause() {
      if (!isOver) connection.pause();
    },
    resume() {
      if (!isOver) connection.resume();
    },
    abort() {
      if (isOver) return;
      isOver = true;
      connection.cancel();
    },
    isPrivate: () => connection.owner !== undefined,
  };

  return {
    content,
    push(bytes, start, end) {
      if (isSkipped) {
        skippedBytes += end - start;
        skipper?.onBytes(end - start);
      } else if (reader === undefined) early = hold(early, bytes, start, end);
      else pass(reader, bytes.subarray(start, end));
    },
    end(rawTrailers) {
      isOver = true;
      const ends = reader ?? skipper;
      if (ends === undefined) earlyEnd = rawTrailers;
      else ends.onEnd(rawTrailers);
    },
    fail(error) {
      isOver = true;
      const ends = reader ?? skipper;
      if (ends === undefined) earlyError = error;
      else ends.onError(error);
    },
  };

  // Mostly the client takes at once what came, and the memory serves the next read. A copy of little costs less than the memory
  // around it.
  function pass(to: ContentReader, lent: Buffer): void {
    if (lent.length <= SHORT_BYTES || !connection.isTakeable()) return void to.onChunk(copy(lent));
    if (!to.onChunk(lent)) return;
    connection.take();
    onBytes(lent.buffer.byteLength);
  }

  function copy(lent: Buffer): Buffer {
    onBytes(lent.length);
    return Buffer.from(lent);
  }

  function hold(held: Early | undefined, bytes: Buffer, start: number, end: number): Early {
    if (held === undefined && end - start <= SHORT_BYTES)
      return { text: bytes.toString("latin1", start, end), chunks: [] };
    const chunks = [...(held?.chunks ?? []), copy(bytes.subarray(start, end))];
    return held?.text === undefined
      ? { text: undefined, chunks }
      : { text: undefined, chunks: [Buffer.from(held.text, "latin1"), ...chunks] };
  }

  function endNow(ends: ContentEnds): void {
    if (earlyEnd !== undefined) ends.onEnd(earlyEnd);
    // What came before it goes out first: a header section is held back for the rest of this turn.
    const error = earlyError;
    if (error !== undefined) setImmediate(() => ends.onError(error));
  }
}
