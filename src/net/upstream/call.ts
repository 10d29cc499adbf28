/** One request on its way to a backend, and what comes of it: held until somebody reads it, relayed or counted. */

import type { AnswerHead } from "../../http/answer-head.ts";
import type { ProxyError } from "../../http/errors.ts";
import type { Connection, ConnectionRequest, Receiver } from "../connection.ts";
import type { Pressure } from "../pressure.ts";

/** What goes up, and who hears of interim answers. */
export interface UpstreamRequest extends ConnectionRequest {
  onInterim(answer: AnswerHead): void;
}

/** The header section of an answer, and its content on the way. */
export interface UpstreamAnswer {
  readonly head: AnswerHead;
  readonly content: Content;
  /** When its request went out, in milliseconds of the monotonic clock. */
  readonly sentMs: number | undefined;
}

/** The content of an answer. What comes before somebody reads is kept: at most what one read of the socket brought. */
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

/** One request on its way. */
export interface Call {
  /** Rejects with a ProxyError. */
  readonly answer: Promise<UpstreamAnswer>;
  /** When the request went out, in milliseconds of the monotonic clock. */
  sentMs(): number | undefined;
  retries(): number;
  /** Gives up wherever it stands; harmless once it is over. */
  cancel(error: ProxyError): void;
}

/** Content that came before anybody read it: a short beginning as latin1 alone, or chunks. */
interface Early {
  readonly text: string | undefined;
  readonly chunks: readonly Buffer[];
}

// As text it leaves in one write together with the header section, which saves a sixth of the exchange.
const SHORT_BYTES = 16 * 1024;

/** A call as the pool and its connection see it. */
export interface Pooled extends Receiver {
  connection: Connection | undefined;
}

/** Where a call waits and whence it is sent. */
export interface Pool {
  /** On a connection that never served, now or when there is room for one. */
  send(pooled: Pooled): void;
  forget(pooled: Pooled): void;
  onBytes: Pressure;
}

// RFC 9110 §9.2.2 allows an automatic retry of what is idempotent. PUT and DELETE are too, but a backend may count them: the
// three that ask without changing anything are sent again, and nothing that carries content.
function isRepeatable({ method, content }: UpstreamRequest): boolean {
  return content === undefined && (method === "GET" || method === "HEAD" || method === "OPTIONS");
}

/** Creates the call of one request; nothing is sent yet. */
// oxlint-disable-next-line max-lines-per-function -- one exchange: its state, and what both sides may do with it
export function createCall(
  request: UpstreamRequest,
  pool: Pool,
): { readonly call: Call; readonly pooled: Pooled } {
  const isSkipped = request.answerContent === "skip";
  let sentMs: number | undefined;
  let retries = 0;
  let hasAnswered = false;
  let isOver = false;
  let reader: ContentReader | undefined;
  let skipper: ContentSkipper | undefined;
  let skippedBytes = 0;
  let early: Early | undefined;
  let earlyEnd: readonly string[] | undefined;
  let earlyError: ProxyError | undefined;
  let resolve: (answer: UpstreamAnswer) => void;
  let reject: (error: ProxyError) => void;
  const answer = new Promise<UpstreamAnswer>((onAnswer, onError) => {
    resolve = onAnswer;
    reject = onError;
  });

  const pooled: Pooled = {
    connection: undefined,
    request,
    onSent(nowMs) {
      sentMs = nowMs;
    },
    onInterim: request.onInterim,
    onAnswer(head) {
      hasAnswered = true;
      resolve({ head, content, sentMs });
    },
    onContent(bytes, start, end) {
      if (isSkipped) {
        skippedBytes += end - start;
        skipper?.onBytes(end - start);
      } else if (reader === undefined) early = hold(early, bytes, start, end);
      else pass(reader, bytes.subarray(start, end));
    },
    onEnd(rawTrailers) {
      isOver = true;
      const ends = reader ?? skipper;
      if (ends === undefined) earlyEnd = rawTrailers;
      else ends.onEnd(rawTrailers);
    },
    onError(error, untouched) {
      if (untouched && isRepeatable(request)) {
        retries += 1;
        pool.send(pooled);
      } else fail(error);
    },
  };

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
    // The connection may be serving somebody else by the time a reader's backpressure lets go.
    pause() {
      if (!isOver) pooled.connection?.pause();
    },
    resume() {
      if (!isOver) pooled.connection?.resume();
    },
    abort() {
      if (isOver) return;
      isOver = true;
      pooled.connection?.cancel();
    },
  };

  const call: Call = {
    answer,
    sentMs: () => sentMs,
    retries: () => retries,
    cancel(error) {
      if (isOver) return;
      pool.forget(pooled);
      pooled.connection?.cancel();
      fail(error);
    },
  };
  return { call, pooled };

  // Mostly the client takes at once what came, and the memory serves the next read. A copy of little costs less than the memory
  // around it.
  function pass(to: ContentReader, lent: Buffer): void {
    const { connection } = pooled;
    if (connection === undefined || lent.length <= SHORT_BYTES || !connection.isTakeable())
      return void to.onChunk(copy(lent));
    if (!to.onChunk(lent)) return;
    connection.take();
    pool.onBytes(lent.buffer.byteLength);
  }

  function copy(lent: Buffer): Buffer {
    pool.onBytes(lent.length);
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
    // What came before it goes out first: node holds a header section back for the rest of this turn.
    const error = earlyError;
    if (error !== undefined) setImmediate(() => ends.onError(error));
  }

  function fail(error: ProxyError): void {
    isOver = true;
    const ends = reader ?? skipper;
    if (!hasAnswered) reject(error);
    else if (ends === undefined) earlyError = error;
    else ends.onError(error);
  }
}
