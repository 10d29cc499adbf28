/** One connection to the backend, one exchange at a time: the request as bytes, its answer, and their time limits. */

import type { Readable } from "node:stream";

import type { AnswerHead } from "../http/answer-head.ts";
import { createAnswerParser } from "../http/answer-parser.ts";
import { ProxyError, toProxyError } from "../http/errors.ts";
import { toHopFields, toRequestText } from "../http/request-text.ts";
import type { Dial } from "./dial.ts";
import type { Pressure } from "./pressure.ts";

/** What goes up. `fields` are raw and include Host. */
export interface ConnectionRequest {
  readonly method: string;
  readonly path: string;
  readonly fields: readonly string[];
  /** `length`: its Content-Length stands among the fields. */
  readonly framing: "none" | "length" | "chunked";
  readonly content: Readable | undefined;
  /** `skip`: the content of the answer is for nobody; its bytes are counted and not kept. */
  readonly answerContent: "relay" | "skip";
  /** Milliseconds from the end of the request to the header section of its answer. */
  readonly responseMs: number;
  /** Milliseconds between bytes in either direction; 0 = no limit. */
  readonly idleMs: number;
}

/** Who is told what comes down, in order. Exactly one of `onEnd` and `onError` ends it. */
export interface Receiver {
  readonly request: ConnectionRequest;
  /** `nowMs` is the monotonic clock's. */
  onSent(nowMs: number): void;
  onInterim(answer: AnswerHead): void;
  onAnswer(answer: AnswerHead): void;
  /** `bytes` from `start` to `end` are lent until this returns. */
  onContent(bytes: Buffer, start: number, end: number): void;
  onEnd(rawTrailers: readonly string[]): void;
  /** `untouched`: the connection had served before and died without a byte of this answer (RFC 9110 §9.2.2). */
  onError(error: ProxyError, untouched: boolean): void;
}

/** A connection that is being opened for its first exchange. */
export interface Connection {
  /** Until when it may be used again, in milliseconds of the monotonic clock. */
  expiresMs: number;
  send(receiver: Receiver): void;
  pause(): void;
  resume(): void;
  /** Whether the bytes that `onContent` lends at the moment may be taken; otherwise whoever keeps them copies them. */
  isTakeable(): boolean;
  /** Makes those bytes the caller's. */
  take(): void;
  /** Gives the exchange up and the connection with it; the receiver hears nothing more. */
  cancel(): void;
  /** Closes an idle connection. */
  close(): void;
}

/** What happens to a connection between exchanges. `onClosed` comes once and last. */
export interface ConnectionEvents {
  onIdle(connection: Connection): void;
  onClosed(connection: Connection): void;
}

/** How a connection is opened, and how long it may rest between two exchanges, in milliseconds. */
export interface ConnectionOptions {
  readonly dial: Dial;
  readonly keepAliveMs: number;
  /** Told of the content that goes up. */
  readonly onBytes: Pressure;
}

/** Said in time, an upstream's own limit (RFC 2068 §19.7.1.1) is kept with a second to spare for the way. */
const KEEP_ALIVE_MARGIN_MS = 1_000;

/** Opens a connection. */
// oxlint-disable-next-line max-lines-per-function -- one state; what happens to it are the functions below
export function createConnection(
  { dial, keepAliveMs, onBytes }: ConnectionOptions,
  events: ConnectionEvents,
): Connection {
  const isKept = keepAliveMs > 0;
  let receiver: Receiver | undefined;
  let isConnected = false;
  let isClosed = false;
  let isPaused = false;
  let hasAnswered = false;
  let hasContentLeft = false;
  let answers = 0;
  let keptMs = keepAliveMs;
  let lastActivityMs = 0;
  let watchdog: NodeJS.Timeout | undefined;
  let firesAtMs = 0;

  const parser = createAnswerParser({
    // It gains no time: whoever waits for an answer has none yet.
    onInterim: (head) => receiver?.onInterim(head),
    onHead(head) {
      hasAnswered = true;
      if (head.fields.keepAlive !== "") keptMs = toKeptMs(head.fields.keepAlive, keepAliveMs);
      touch(performance.now());
      if (receiver === undefined) return;
      watch(receiver.request.idleMs);
      receiver.onAnswer(head);
    },
    onContent(bytes, start, end) {
      touch(performance.now());
      receiver?.onContent(bytes, start, end);
    },
    onEnd,
  });

  const link = dial({
    onConnected() {
      isConnected = true;
      if (receiver !== undefined) write(receiver);
    },
    onRead(bytes, length) {
      guard(() => parser.push(bytes, length));
      // What goes on after its first read is long: from the next one on it is not copied any more.
      link.readOwn(hasAnswered && receiver?.request.answerContent === "relay");
    },
    onDrain: () => receiver?.request.content?.resume(),
    onEnd() {
      const finish = (): void => {
        guard(parser.finish);
        closed();
      };
      // The only end that completes an answer, and so the only one that has to be told from a reset (RFC 9112 §8).
      if (parser.awaitsEnd()) link.confirmEnd(finish);
      else finish();
    },
    onClosed: (error) => fail(toBroken(error)),
  });

  const connection: Connection = {
    expiresMs: 0,
    send(next) {
      receiver = next;
      isPaused = false;
      hasAnswered = false;
      hasContentLeft = next.request.content !== undefined;
      parser.begin(next.request.method);
      if (isConnected) write(next);
    },
    pause() {
      isPaused = true;
      link.pause();
    },
    resume() {
      if (!isPaused) return;
      isPaused = false;
      touch(performance.now());
      link.resume();
    },
    isTakeable: link.readsOwn,
    take: link.take,
    cancel() {
      drop();
      closed();
    },
    close: closed,
  };
  return connection;

  function write(next: Receiver): void {
    const { method, content, framing, idleMs, responseMs } = next.request;
    const nowMs = performance.now();
    touch(nowMs);
    next.onSent(nowMs);
    link.gather();
    link.write(toRequestText(next.request, toHopFields({ method, framing, isKept })));
    watch(content === undefined ? responseMs : idleMs);
    if (content === undefined) return;
    content.on("data", (chunk: Buffer) => {
      touch(performance.now());
      onBytes(chunk.length);
      if (!writeContent(chunk, framing)) content.pause();
    });
    content.once("error", (error) => {
      if (receiver === next) fail(toProxyError(error));
    });
    content.once("end", () => {
      if (receiver !== next) return;
      hasContentLeft = false;
      if (framing === "chunked") link.write("0\r\n\r\n");
      touch(performance.now());
      if (!hasAnswered) watch(responseMs);
    });
  }

  function writeContent(chunk: Buffer, framing: ConnectionRequest["framing"]): boolean {
    if (framing !== "chunked") return link.write(chunk);
    link.write(`${chunk.length.toString(16)}\r\n`);
    link.write(chunk);
    return link.write("\r\n");
  }

  function onEnd(rawTrailers: readonly string[], reusable: boolean): void {
    receiver?.onEnd(rawTrailers);
    const isWhole = !hasContentLeft;
    drop();
    answers += 1;
    if (isClosed) return;
    // What is left of the request's content would be taken for the next one.
    if (!reusable || !isWhole || keptMs <= 0) return closed();
    connection.expiresMs = performance.now() + keptMs;
    if (isPaused) link.resume();
    events.onIdle(connection);
  }

  // Whatever the parser and those who hear from it throw ends this exchange, and not the process.
  function guard(task: () => void): void {
    try {
      task();
    } catch (error) {
      fail(toProxyError(error));
    }
  }

  function fail(error: ProxyError): void {
    const failed = receiver;
    const untouched = isConnected && !parser.hasBegun() && answers > 0;
    drop();
    closed();
    failed?.onError(error, untouched);
  }

  /** Nobody hears of this exchange any more; content that is still to come has nowhere to go. */
  function drop(): void {
    if (hasContentLeft) receiver?.request.content?.destroy();
    hasContentLeft = false;
    receiver = undefined;
  }

  function closed(): void {
    if (isClosed) return;
    isClosed = true;
    clearTimeout(watchdog);
    link.destroy();
    events.onClosed(connection);
  }

  function touch(nowMs: number): void {
    lastActivityMs = nowMs;
  }

  // One timer per connection that is left running and looks at the clock when it fires: arming and clearing one for every
  // exchange costs more than the exchange's routing.
  function watch(limitMs: number): void {
    if (limitMs === 0) return;
    const dueMs = lastActivityMs + limitMs;
    if (watchdog !== undefined && firesAtMs <= dueMs) return;
    clearTimeout(watchdog);
    firesAtMs = dueMs;
    watchdog = setTimeout(bark, Math.max(1, Math.ceil(dueMs - performance.now())));
    watchdog.unref();
  }

  function bark(): void {
    watchdog = undefined;
    if (receiver === undefined || !isConnected) return;
    const { idleMs, responseMs } = receiver.request;
    const limitMs = hasAnswered || hasContentLeft ? idleMs : responseMs;
    if (limitMs === 0 || lastActivityMs + limitMs > performance.now()) watch(limitMs);
    else fail(toTimeout());
  }

  function toTimeout(): ProxyError {
    if (isPaused) return new ProxyError("client_gone", { title: "The client stopped reading" });
    if (hasAnswered) return new ProxyError("connection_read_timeout");
    if (!hasContentLeft) return new ProxyError("http_response_timeout");
    if (link.isStuck()) return new ProxyError("connection_write_timeout");
    return new ProxyError("http_request_error", {
      status: 408,
      title: "The client stopped sending",
    });
  }

  function toBroken(error: Error | undefined): ProxyError {
    const known =
      error === undefined ? new ProxyError("connection_terminated") : toProxyError(error);
    if (!hasAnswered || known.code !== "connection_terminated") return known;
    return new ProxyError("http_response_incomplete", { cause: error });
  }
}

function toKeptMs(keepAlive: string, mostMs: number): number {
  const seconds = /(?:^|[,\s])timeout=(\d{1,9})/i.exec(keepAlive)?.[1];
  return seconds === undefined
    ? mostMs
    : Math.min(mostMs, Number(seconds) * 1_000 - KEEP_ALIVE_MARGIN_MS);
}
