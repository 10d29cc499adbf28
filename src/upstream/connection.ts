/** One connection to the upstream, one exchange at a time: the request as bytes, its response, and their limits of time. */

import type { Readable } from "node:stream";

import type { AnswerHead, ParsedHead } from "../http/answer-head.ts";
import { createAnswerParser } from "../http/answer-parser.ts";
import { carriesConnectionLogin, offersConnectionLogin } from "../http/connection-login.ts";
import { ProxyError, toProxyError } from "../http/errors.ts";
import { toHopFields, toRequestText } from "../http/request-text.ts";
import type { BatchWrites } from "./batch-writes.ts";
import type { GcPressure } from "./gc-pressure.ts";
import type { Connect } from "./socket.ts";
import { type SwitchedSocket, createSwitchedSocket } from "./switched-socket.ts";
import { createMovement } from "../runtime/unacknowledged.ts";
import { createWatchdog } from "./watchdog.ts";

/** What goes up. `fields` are raw and include Host. */
export interface ConnectionRequest {
  readonly method: string;
  readonly path: string;
  readonly fields: readonly string[];
  /** `length`: its Content-Length stands among the fields. */
  readonly framing: "none" | "length" | "chunked";
  readonly content: Readable | undefined;
  /** What the Upgrade field asks for; undefined where no switch of protocols is wanted. */
  readonly upgrade: string | undefined;
  /** `skip`: the response's content goes to no client; its bytes are counted and not kept. */
  readonly responseContent: "relay" | "skip";
  /** Milliseconds from the end of the request to the header section of its response. */
  readonly responseMs: number;
  /** Milliseconds between bytes in either direction; 0 = no limit. */
  readonly idleMs: number;
}

/** A client connection, to which an upstream connection with a login may belong. */
export interface ConnectionOwner {
  isClosed(): boolean;
  onClosed(listener: () => void): void;
}

/**
 * How a request failed on a connection that had served before: `unsent`: not a byte of it was written; `unanswered`: the
 * connection closed without a byte of the response (RFC 9110 §9.2.2). Everything else is `final`.
 */
export type Failure = "unsent" | "unanswered" | "final";

/** Who is told what comes down, in order. Exactly one of `onEnd`, `onSwitch`, `onError` and a retry ends it. */
export interface ResponseReceiver {
  readonly request: ConnectionRequest;
  readonly owner: ConnectionOwner | undefined;
  /** When the header section has to be here, by the monotonic clock. The first send sets it, and a second does not move it. */
  deadlineMs: number | undefined;
  onSent(nowMs: number): void;
  onInterim(head: AnswerHead): void;
  onHead(head: AnswerHead): void;
  /** `bytes` from `start` to `end` are lent until this returns. */
  onContent(bytes: Buffer, start: number, end: number): void;
  onEnd(rawTrailers: readonly string[]): void;
  /** A 101: the connection speaks another protocol from now on. */
  onSwitch(head: ParsedHead, socket: SwitchedSocket): void;
  /** Whether it is to be sent again on a new connection. */
  takesRetry(failure: Failure): boolean;
  onError(error: ProxyError): void;
}

/** A connection that is being opened for its first exchange. */
export interface UpstreamConnection {
  /** Until when it may be used again, in milliseconds of the monotonic clock. */
  expiresMs: number;
  /** The client connection that alone may use it, once it carries a login. */
  readonly owner: ConnectionOwner | undefined;
  send(receiver: ResponseReceiver): void;
  pause(): void;
  resume(): void;
  /** Whether the bytes that `onContent` lends at the moment may be taken; otherwise they are copied to be kept. */
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
  onIdle(connection: UpstreamConnection): void;
  /** `retry` was on it and is to be sent on a new connection, in the place of this one. */
  onClosed(connection: UpstreamConnection, retry: ResponseReceiver | undefined): void;
}

/** How a connection is opened and kept. Times are milliseconds. */
export interface ConnectionOptions {
  readonly connect: Connect;
  /** How long it may rest between two exchanges; 0: it serves one. */
  readonly keepAliveMs: number;
  /** How old it may become and still be used again; 0 = no limit. */
  readonly maxAgeMs: number;
  readonly batchWrites: BatchWrites;
  /** Told of the content that goes up. */
  readonly onBytes: GcPressure;
}

/** An upstream's own limit (RFC 2068 §19.7.1.1) is honoured minus one second for network delay. */
const KEEP_ALIVE_MARGIN_MS = 1_000;

/** Opens a connection. */
// oxlint-disable-next-line max-lines-per-function -- one state; what happens to it are the functions below
export function createConnection(
  { connect, keepAliveMs, maxAgeMs, batchWrites, onBytes }: ConnectionOptions,
  events: ConnectionEvents,
): UpstreamConnection {
  const isKept = keepAliveMs > 0;
  const openedMs = performance.now();
  let receiver: ResponseReceiver | undefined;
  let owner: ConnectionOwner | undefined;
  let switched: ReturnType<typeof createSwitchedSocket> | undefined;
  let isConnected = false;
  let isClosed = false;
  let isSent = false;
  let isPaused = false;
  let hasResponse = false;
  /** Content of the request that has not left, or that has not come yet. */
  let hasContentLeft = false;
  let isContentRead = false;
  /** In the turn that read a response to its end. */
  let isGivenBack = false;
  let exchanges = 0;
  let keptMs = keepAliveMs;
  let lastActivityMs = 0;

  const watchdog = createWatchdog(toDueMs, onDue);

  const parser = createAnswerParser({
    // An interim response does not restart the response timeout.
    onInterim: (head) => receiver?.onInterim(head),
    onHead(head) {
      hasResponse = true;
      if (head.fields.keepAlive !== "") keptMs = toKeptMs(head.fields.keepAlive, keepAliveMs);
      markActivity();
      if (receiver === undefined) return;
      if (offersConnectionLogin(head.status, head.fields.endToEnd)) owner = receiver.owner;
      watchdog.watch();
      receiver.onHead(head);
    },
    onContent(bytes, start, end) {
      markActivity();
      receiver?.onContent(bytes, start, end);
    },
    onEnd,
    onSwitch(head, bytes, start, end) {
      const taker = receiver;
      receiver = undefined;
      switched = createSwitchedSocket(socket, Buffer.from(bytes.subarray(start, end)), (error) =>
        closed(undefined, error),
      );
      taker?.onSwitch(head, switched.socket);
    },
  });

  const socket = connect({
    onConnected() {
      isConnected = true;
      flush();
    },
    onRead(bytes, length) {
      if (switched !== undefined) return switched.onRead(bytes, length);
      // Bytes that no request asked for: perhaps a 408 of an upstream that is about to close. They must not become the response to
      // the request that is on its way out in this very turn.
      if (!isSent) return fail(unasked(), "unsent");
      guard(() => parser.push(bytes, length));
      // What goes on after its first read is long: from the next read on it is not copied any more.
      socket.readOwn(hasResponse && receiver?.request.responseContent === "relay");
    },
    onWritten() {
      if (hasContentLeft) markActivity();
    },
    onDrain() {
      if (switched !== undefined) switched.onDrain();
      else if (isContentRead) onContentSent();
      else receiver?.request.content?.resume();
    },
    onEnd() {
      if (switched !== undefined) return switched.onEnd();
      if (!isSent) return fail(new ProxyError("connection_terminated"), "unsent");
      // The only end that completes a response, and so the only one that has to be told from a broken connection (RFC 9112 §8).
      if (parser.awaitsEnd()) socket.confirmEnd(finish);
      else finish(true);
    },
    onClosed(error) {
      const broken = toBroken(error);
      const isSilent = broken.code === "connection_terminated" && !parser.hasBegun();
      fail(broken, isSent ? (isSilent ? "unanswered" : "final") : "unsent");
    },
  });

  const movement = createMovement(socket.unacknowledged);

  const connection = {
    expiresMs: 0,
    get owner() {
      return owner;
    },
    send(next: ResponseReceiver) {
      receiver = next;
      isSent = false;
      isPaused = false;
      hasResponse = false;
      hasContentLeft = next.request.content !== undefined;
      isContentRead = false;
      if (isConnected) flushSoon(next);
      else watchdog.watch(); // a request that is sent again brings its deadline
    },
    pause() {
      isPaused = true;
      socket.pause();
    },
    resume() {
      if (!isPaused) return;
      isPaused = false;
      markActivity();
      watchdog.watch();
      socket.resume();
    },
    isTakeable: socket.readsOwn,
    take: socket.take,
    cancel() {
      drop();
      closed(undefined);
    },
    close: () => closed(undefined),
  };
  return connection;

  function rest(): void {
    isGivenBack = false;
  }

  // A request that waited gets the connection in the very turn that read the response before it. An end behind that is read in the
  // next turn: what cannot be sent twice is held for so long.
  function flushSoon({ request }: ResponseReceiver): void {
    if (!isGivenBack || isRepeatable(request)) batchWrites(flush);
    else batchWrites(() => batchWrites(flush));
  }

  // At the end of the turn in which the request came. What the connection says until then is of no request.
  function flush(): void {
    if (isClosed || isSent || receiver === undefined) return;
    const next = receiver;
    const { request } = next;
    socket.write(toText(request));
    // Behind a reset that is here and not read yet, not a byte leaves.
    if (socket.isWriteBroken()) return fail(new ProxyError("connection_terminated"), "unsent");
    const nowMs = performance.now();
    isSent = true;
    lastActivityMs = nowMs;
    movement.restart(nowMs);
    if (carriesConnectionLogin(request.fields)) owner = next.owner;
    parser.begin(request.method, request.upgrade);
    next.onSent(nowMs);
    const { content } = request;
    if (content === undefined) next.deadlineMs ??= nowMs + request.responseMs;
    else writeContent(content, next);
    watchdog.watch();
  }

  function toText(request: ConnectionRequest): string {
    const { method, framing, upgrade } = request;
    return toRequestText(request, toHopFields({ method, framing, upgrade, isKept }));
  }

  function writeContent(content: Readable, writer: ResponseReceiver): void {
    const { framing } = writer.request;
    content.on("data", (chunk: Buffer) => {
      markActivity();
      onBytes(chunk.length);
      if (writeChunk(chunk, framing)) return;
      content.pause();
      watchdog.watch(); // it looks more often now
    });
    content.once("error", (error) => {
      if (receiver === writer) fail(toProxyError(error), "final");
    });
    content.once("end", () => {
      if (receiver !== writer) return;
      isContentRead = true;
      if (framing === "chunked") socket.write("0\r\n\r\n");
      if (!socket.isStuck()) onContentSent();
    });
  }

  // The time to respond begins when the last byte has left, not when it was read from the client.
  function onContentSent(): void {
    if (receiver === undefined || !hasContentLeft) return;
    hasContentLeft = false;
    lastActivityMs = performance.now();
    receiver.deadlineMs = lastActivityMs + receiver.request.responseMs;
    watchdog.watch();
  }

  function writeChunk(chunk: Buffer, framing: ConnectionRequest["framing"]): boolean {
    if (framing !== "chunked") return socket.write(chunk);
    socket.write(`${chunk.length.toString(16)}\r\n`);
    socket.write(chunk);
    return socket.write("\r\n");
  }

  function onEnd(rawTrailers: readonly string[], isReusable: boolean): void {
    const ended = receiver;
    // The next request would wait behind content that the upstream, which has responded, may never take.
    const isWhole = !hasContentLeft && socket.isFlushed();
    drop();
    exchanges += 1;
    isSent = false;
    // First the connection is given back: the client's next request may begin when it hears of the end.
    if (!isClosed) giveBack(isReusable && isWhole);
    try {
      ended?.onEnd(rawTrailers);
    } catch (error) {
      ended?.onError(toProxyError(error)); // the connection may be serving the next exchange
    }
  }

  function giveBack(isReusable: boolean): void {
    const nowMs = performance.now();
    const oldestMs = maxAgeMs === 0 ? Infinity : openedMs + maxAgeMs;
    connection.expiresMs = Math.min(nowMs + keptMs, oldestMs);
    // What is left of the request's content would be taken for the next one.
    if (!isReusable || connection.expiresMs <= nowMs) return closed(undefined);
    if (isPaused) socket.resume();
    isGivenBack = true;
    batchWrites(rest);
    events.onIdle(connection);
  }

  function finish(isOrderly: boolean): void {
    if (isOrderly) guard(parser.finish);
    else fail(toBroken(undefined), "final");
    closed(undefined);
  }

  // What the parser and the receivers throw ends this exchange, and not the process.
  function guard(task: () => void): void {
    try {
      task();
    } catch (error) {
      fail(toProxyError(error), parser.hasBegun() ? "final" : "unanswered");
    }
  }

  function fail(error: ProxyError, failure: Failure): void {
    const failed = receiver;
    drop();
    const isRetry = failed !== undefined && failed.takesRetry(exchanges > 0 ? failure : "final");
    closed(isRetry ? failed : undefined, error);
    if (!isRetry) failed?.onError(error);
  }

  /** The exchange hears nothing more, and content that is still to come has nowhere to go. */
  function drop(): void {
    if (hasContentLeft && isSent) receiver?.request.content?.destroy();
    hasContentLeft = false;
    receiver = undefined;
  }

  function closed(retry: ResponseReceiver | undefined, error?: ProxyError): void {
    if (isClosed) return;
    isClosed = true;
    watchdog.stop();
    socket.destroy();
    switched?.onClosed(error);
    events.onClosed(connection, retry);
  }

  function markActivity(): void {
    lastActivityMs = performance.now();
  }

  function onDue(): void {
    const nowMs = performance.now();
    // An upload to an upstream that reads slowly moves, although the kernel takes nothing from us.
    if (isStuck() && movement.look(nowMs)) lastActivityMs = nowMs;
    if (toDueMs() > nowMs) return watchdog.watch();
    fail(toTimeout(), "final");
  }

  function isStuck(): boolean {
    return hasContentLeft && isSent && !hasResponse && socket.isStuck();
  }

  // A side that was paused on purpose is not silent: while the client does not read, the limit is the client's own.
  function toDueMs(): number {
    if (receiver === undefined) return Infinity;
    if (!isSent || (!hasResponse && !hasContentLeft)) return receiver.deadlineMs ?? Infinity;
    const { idleMs } = receiver.request;
    if (idleMs === 0 || isPaused) return Infinity;
    return isStuck() ? movement.nextMs(lastActivityMs, idleMs) : lastActivityMs + idleMs;
  }

  function toTimeout(): ProxyError {
    if (!isConnected) return new ProxyError("connection_timeout");
    if (hasResponse) return new ProxyError("connection_read_timeout");
    if (!hasContentLeft) return new ProxyError("http_response_timeout");
    if (socket.isStuck()) return new ProxyError("connection_write_timeout");
    return new ProxyError("http_request_error", {
      status: 408,
      title: "The client stopped sending",
    });
  }

  function toBroken(error: Error | undefined): ProxyError {
    const known =
      error === undefined ? new ProxyError("connection_terminated") : toProxyError(error);
    if (!hasResponse || known.code !== "connection_terminated") return known;
    return new ProxyError("http_response_incomplete", { cause: error });
  }
}

// RFC 9110 §9.2.2 allows an automatic retry of what is idempotent. PUT and DELETE are too, but a backend may count them: the
// three that ask without changing anything are sent again, and nothing that carries content.
export function isRepeatable({ method, content }: ConnectionRequest): boolean {
  return content === undefined && (method === "GET" || method === "HEAD" || method === "OPTIONS");
}

function unasked(): ProxyError {
  return new ProxyError("http_protocol_error", {
    title: "The upstream sent a response before it had a request",
  });
}

function toKeptMs(keepAlive: string, maxMs: number): number {
  const seconds = /(?:^|[,\s])timeout=(\d{1,9})/i.exec(keepAlive)?.[1];
  return seconds === undefined
    ? maxMs
    : Math.min(maxMs, Number(seconds) * 1_000 - KEEP_ALIVE_MARGIN_MS);
}
