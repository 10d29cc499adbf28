/** One connection to the upstream, one exchange at a time: the request as bytes, its response, and their time limits. */

import { type ResponseParserEvents, createResponseParser } from "../http/wire/response-parser.ts";
import { carriesConnectionLogin, offersConnectionLogin } from "../http/connection-login.ts";
import { ProxyError, toProxyError } from "../http/errors.ts";
import { toRequestText } from "../http/wire/serialize.ts";
import { toHopFields } from "../http/rewrite.ts";
import type { BatchWrites } from "../runtime/batch-writes.ts";
import type { GcPressure } from "../runtime/gc-pressure.ts";
import {
  type ConnectionOwner,
  type ConnectionRequest,
  type Failure,
  type ResponseReceiver,
  isRepeatable,
} from "./connection-request.ts";
import { type Upload, type UploadEvents, createUpload } from "./request-upload.ts";
import type { Connect } from "./socket.ts";
import { createSwitchedSocket } from "./switched-socket.ts";
import { createMovement } from "../runtime/movement.ts";
import { createWatchdog } from "./watchdog.ts";

/** One connection to the upstream. It may still be connecting when its first request is sent. */
export interface UpstreamConnection<Receiver extends ResponseReceiver = ResponseReceiver> {
  /** Until when it may be used again, in milliseconds of the monotonic clock. */
  expiresMs: number;
  /** The client connection that alone may use it, once it carries a login. */
  readonly owner: ConnectionOwner | undefined;
  send(receiver: Receiver): void;
  pause(): void;
  resume(): void;
  /** Whether `detach` may be called for the borrowed bytes of `onContent`. If not, the receiver copies the bytes that it keeps. */
  isBorrowed(): boolean;
  /** Makes the borrowed bytes the caller's. */
  detach(): void;
  /** Abandons the exchange and closes the connection; the receiver is not called again. */
  cancel(): void;
  /** Closes an idle connection. */
  close(): void;
  /** Closes it; its receiver gets the error. Does nothing to a tunnel, which ends by itself. */
  abandon(error: ProxyError): void;
}

/** What happens to a connection between exchanges. `onClosed` comes once and last. */
export interface ConnectionEvents<Receiver extends ResponseReceiver> {
  /** The version of a final response. */
  onVersion(version: "1.0" | "1.1"): void;
  /** It carries a login from now on, and belongs to `owner`. */
  onOwned(connection: UpstreamConnection<Receiver>, owner: ConnectionOwner): void;
  onIdle(connection: UpstreamConnection<Receiver>): void;
  /** `retry` is the request to send again, on a new connection that takes the place of this one. */
  onClosed(connection: UpstreamConnection<Receiver>, retry: Receiver | undefined): void;
}

/** How a connection is opened and kept. Times are milliseconds. */
export interface ConnectionOptions {
  readonly connect: Connect;
  /** How long it may be idle between two exchanges; 0: it serves one exchange. */
  readonly keepAliveMs: number;
  /** The age from which it is not used again; 0 = no limit. */
  readonly maxAgeMs: number;
  /** The size of a response's header section, in bytes; a larger one is refused. */
  readonly maxHeadBytes: number;
  readonly batchWrites: BatchWrites;
  /** Called with the size of each chunk of request content, and of each kept read of a tunnel, in bytes. */
  readonly gcPressure: GcPressure;
}

/** An upstream's own limit (RFC 2068 §19.7.1.1) is honoured minus one second for network delay. */
const KEEP_ALIVE_MARGIN_MS = 1_000;

/** Opens a connection; its first request waits until it is established. */
// oxlint-disable-next-line max-lines-per-function -- one state, and the functions that change it
export function createUpstreamConnection<Receiver extends ResponseReceiver>(
  { connect, keepAliveMs, maxAgeMs, maxHeadBytes, batchWrites, gcPressure }: ConnectionOptions,
  events: ConnectionEvents<Receiver>,
): UpstreamConnection<Receiver> {
  const isPersistent = keepAliveMs > 0;
  const openedMs = performance.now();
  /** Of the exchange in progress. */
  let receiver: Receiver | undefined;
  let owner: ConnectionOwner | undefined;
  /** Set after a 101: the other side of the tunnel. */
  let switched: ReturnType<typeof createSwitchedSocket> | undefined;
  /** Set between a 101 and the end of the request's content. */
  let switchNow: (() => void) | undefined;
  let isConnected = false;
  let isClosed = false;
  /** The header section of the request was written. */
  let isSent = false;
  let isPaused = false;
  /** The header section of the final response has come. */
  let hasResponse = false;
  /** Set while a request with content is served, from its header section on. */
  let upload: Upload | undefined;
  /** The response timeout from the moment when the content has left. */
  let responseMs = 0;
  /** True until the end of the turn that read a response to its end. */
  let isGivenBack = false;
  let exchanges = 0;
  let idleLimitMs = keepAliveMs;
  let lastActivityMs = 0;
  /** When the current read came: the clock is read once for all events of that read. */
  let readMs = 0;

  const watchdog = createWatchdog(toDueMs, onDue);

  const parserEvents: ResponseParserEvents = {
    // An interim response does not restart the response timeout.
    onInterim(head) {
      if (head.status === 100 && upload?.state() === "awaits_continue") onContinue(upload);
      receiver?.onInterim(head);
    },
    onHead(head) {
      hasResponse = true;
      events.onVersion(head.version);
      if (head.fields.keepAlive !== "")
        idleLimitMs = toIdleLimitMs(head.fields.keepAlive, keepAliveMs);
      lastActivityMs = readMs;
      if (receiver === undefined) return;
      if (offersConnectionLogin(head.status, head.fields.endToEnd)) belongTo(receiver.owner);
      watchdog.watch();
      receiver.onHead(head, readMs);
    },
    onContent(bytes, start, end) {
      lastActivityMs = readMs;
      receiver?.onContent(bytes, start, end);
    },
    onEnd,
    onSwitch(head, bytes, start, end) {
      // RFC 9110 §7.8: the 100 comes before the 101. Without the 100, the client would never send its content.
      if (upload?.state() === "awaits_continue") throw new ProxyError("http_upgrade_failed");
      const first = Buffer.from(bytes.subarray(start, end));
      const { socket: tunnelSide } = (switched = createSwitchedSocket(
        socket,
        first,
        gcPressure,
        (error) => {
          if (error === undefined) closeOnce(undefined);
          else fail(error, "final");
        },
      ));
      switchNow = () => {
        const switching = receiver;
        receiver = undefined;
        switching?.onSwitch(head, tunnelSide);
      };
      // RFC 9110 §7.8: a client cannot change the protocol in the middle of its request. The 101 waits for the content to leave.
      if (!isUploading()) switchNow();
    },
  };
  const parser = createResponseParser(parserEvents, maxHeadBytes);

  const socket = connect({
    onConnected() {
      isConnected = true;
      sendNow();
    },
    onRead(bytes, length) {
      if (switched !== undefined) return switched.onRead(bytes, length);
      // The upstream sent bytes without a request, such as a 408 before it closes. The next request may already be waiting for the end
      // of this turn, and these bytes must not become its response.
      if (!isSent) return fail(new ProxyError("response_unsolicited"), "unsent");
      readMs = performance.now();
      read(bytes, length);
      // The content is longer than one read: further reads go into memory that can be passed on without a copy.
      socket.readOwn(hasResponse && receiver?.request.responseContent === "relay");
    },
    onWritten() {
      if (isUploading()) markActivity();
    },
    onDrain() {
      if (receiver === undefined) switched?.onDrain();
      else upload?.onDrain();
    },
    onEnd() {
      if (switched !== undefined) return switched.onEnd();
      if (!isSent) return fail(new ProxyError("connection_terminated"), "unsent");
      // If the end of the connection completes the response, it must be distinguished from a broken connection (RFC 9112 §8).
      if (parser.awaitsEnd()) socket.confirmEnd(onEndConfirmed);
      else onEndConfirmed(true);
    },
    onClosed(error) {
      const broken = toBroken(error);
      const isSilent = broken.code === "connection_terminated" && !parser.hasBegun();
      fail(broken, isSent ? (isSilent ? "no_response" : "final") : "unsent");
    },
  });

  const movement = createMovement(socket.unacknowledged);

  const uploadEvents: UploadEvents = {
    onChunk(bytes) {
      markActivity();
      gcPressure(bytes);
    },
    onStuck: watchdog.watch, // a stuck upload is checked more often
    onSent: onContentSent,
    onError: (error) => fail(toProxyError(error), "final"),
  };

  const connection = {
    expiresMs: 0,
    get owner() {
      return owner;
    },
    send(next: Receiver) {
      receiver = next;
      isSent = false;
      isPaused = false;
      hasResponse = false;
      if (isConnected) sendSoon(next);
      else watchdog.watch(); // a retried request already has a deadline
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
    isBorrowed: socket.readsOwn,
    detach: socket.detach,
    cancel() {
      drop();
      closeOnce(undefined);
    },
    close: () => closeOnce(undefined),
    abandon(error: ProxyError) {
      if (switched === undefined) fail(error, "final");
    },
  };
  return connection;

  function belongTo(client: ConnectionOwner | undefined): void {
    if (client === undefined || owner !== undefined) return;
    owner = client;
    events.onOwned(connection, client);
  }

  function onTurnEnd(): void {
    isGivenBack = false;
  }

  // A waiting request gets the connection in the same turn that read the previous response. If the upstream closes the connection behind
  // that response, headgate reads that in the next turn. So a request that cannot be sent twice waits until then.
  function sendSoon({ request }: ResponseReceiver): void {
    if (!isGivenBack || isRepeatable(request)) batchWrites(sendNow);
    else batchWrites(() => batchWrites(sendNow));
  }

  // Writes the request. Runs at the end of the turn in which the request came. Bytes that the upstream sends before belong to no request.
  function sendNow(): void {
    if (isClosed || isSent || receiver === undefined) return;
    const next = receiver;
    const { request } = next;
    const text = toText(request);
    // Read before the write: on a busy machine, the upstream may have read it and responded when the write returns.
    const nowMs = performance.now();
    socket.write(text);
    // The upstream has reset the connection, and headgate has not read that yet. No byte of the request was sent.
    if (socket.isWriteBroken()) return fail(new ProxyError("connection_terminated"), "unsent");
    isSent = true;
    lastActivityMs = nowMs;
    movement.restart(nowMs);
    if (carriesConnectionLogin(request.fields)) belongTo(next.owner);
    parser.begin(request);
    next.onSent(nowMs);
    const { content } = request;
    responseMs = request.responseMs;
    if (content === undefined || request.expectsContinue) next.deadlineMs ??= nowMs + responseMs;
    if (content !== undefined) upload = createUpload(content, request, socket, uploadEvents);
    watchdog.watch();
  }

  function toText(request: ConnectionRequest): string {
    return toRequestText(request, toHopFields(request, isPersistent ? "kept" : "closed"));
  }

  // The time that the upstream took to send the 100 is a part of its response timeout.
  function onContinue(continued: Upload): void {
    continued.onContinue();
    markActivity();
    responseMs = Math.max(0, (receiver?.deadlineMs ?? Infinity) - lastActivityMs);
    watchdog.watch();
  }

  // The response timeout begins when the last byte has left, not when it was read from the client.
  function onContentSent(): void {
    if (receiver === undefined) return;
    // After an early 101 nothing is read, so only a failed write shows that the upstream has left.
    if (switchNow !== undefined && socket.isWriteBroken())
      return fail(new ProxyError("connection_terminated"), "final");
    if (switchNow !== undefined) return switchNow();
    lastActivityMs = performance.now();
    receiver.deadlineMs = lastActivityMs + responseMs;
    watchdog.watch();
  }

  function onEnd(rawTrailers: readonly string[], isReusable: boolean): void {
    const ended = receiver;
    const hasRest = isUploading();
    drop();
    exchanges += 1;
    isSent = false;
    // Give the connection back first: the client may send its next request as soon as it sees the end.
    const canReuse = isReusable && !hasRest;
    if (socket.isFlushed() || !canReuse) giveBack(canReuse);
    else batchWrites(() => giveBack(socket.isFlushed()));
    try {
      ended?.onEnd(rawTrailers);
    } catch (error) {
      ended?.onError(toProxyError(error)); // the connection may be serving the next exchange
    }
  }

  // A connection with unsent bytes of the request is not reused: the upstream has responded and may never read them, and the next request
  // would wait behind them. With TLS, Node may report only later in this turn that the kernel has taken all bytes, so `onEnd` waits for
  // the end of the turn before it decides.
  function giveBack(isReusable: boolean): void {
    if (isClosed) return;
    const oldestMs = maxAgeMs === 0 ? Infinity : openedMs + maxAgeMs;
    connection.expiresMs = Math.min(readMs + idleLimitMs, oldestMs);
    // The upstream would read the rest of this request's content as the next request.
    if (!isReusable || connection.expiresMs <= readMs) return closeOnce(undefined);
    if (isPaused) socket.resume();
    isGivenBack = true;
    batchWrites(onTurnEnd);
    events.onIdle(connection);
  }

  // An error of the parser or of a receiver ends this exchange, not the process.
  function read(bytes: Buffer, length: number): void {
    try {
      parser.push(bytes, length);
    } catch (error) {
      failToRead(error);
    }
  }

  function onEndConfirmed(isOrderly: boolean): void {
    try {
      if (isOrderly) parser.finish();
      else fail(toBroken(undefined), "final");
    } catch (error) {
      failToRead(error);
    }
    closeOnce(undefined);
  }

  function failToRead(error: unknown): void {
    fail(toProxyError(error), parser.hasBegun() ? "final" : "no_response");
  }

  function fail(error: ProxyError, failure: Failure): void {
    const failed = receiver;
    drop();
    const isRetry = failed !== undefined && failed.takesRetry(exchanges > 0 ? failure : "final");
    closeOnce(isRetry ? failed : undefined, error);
    if (!isRetry) failed?.onError(error);
  }

  /** Detaches the exchange, and stops request content that is still to come. */
  function drop(): void {
    upload?.stop();
    upload = undefined;
    receiver = undefined;
  }

  /** Closes the connection, unless it is closed. */
  function closeOnce(retry: Receiver | undefined, error?: ProxyError): void {
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
    // A slow upstream may still be reading although the kernel takes no more bytes from headgate.
    if (isStuck() && movement.check(nowMs)) lastActivityMs = nowMs;
    if (toDueMs() > nowMs) return watchdog.watch();
    fail(toTimeout(), "final");
  }

  /** Whether content of the request has not left yet, or has not yet come from the client. */
  function isUploading(): boolean {
    return upload !== undefined && upload.state() !== "sent";
  }

  function isStuck(): boolean {
    return isUploading() && !hasResponse && socket.isStuck();
  }

  // While headgate pauses the upstream for a slow client, the client's idle limit applies instead.
  function toDueMs(): number {
    if (receiver === undefined) return Infinity;
    const isUpstreamsTurn = !hasResponse && upload?.state() !== "sending";
    if (!isSent || isUpstreamsTurn) return receiver.deadlineMs ?? Infinity;
    const { idleMs } = receiver.request;
    if (idleMs === 0 || isPaused) return Infinity;
    return isStuck() ? movement.nextMs(lastActivityMs, idleMs) : lastActivityMs + idleMs;
  }

  function toTimeout(): ProxyError {
    if (!isConnected) return new ProxyError("connection_timeout");
    if (hasResponse) return new ProxyError("connection_read_timeout");
    if (upload?.state() !== "sending") return new ProxyError("http_response_timeout");
    if (socket.isStuck()) return new ProxyError("connection_write_timeout");
    return new ProxyError("request_content_timeout");
  }

  function toBroken(error: Error | undefined): ProxyError {
    const proxyError =
      error === undefined ? new ProxyError("connection_terminated") : toProxyError(error);
    if (!hasResponse || proxyError.code !== "connection_terminated") return proxyError;
    return new ProxyError("http_response_incomplete", { cause: error });
  }
}

function toIdleLimitMs(keepAlive: string, maxMs: number): number {
  const seconds = /(?:^|[,\s])timeout=(\d{1,9})/i.exec(keepAlive)?.[1];
  return seconds === undefined
    ? maxMs
    : Math.min(maxMs, Number(seconds) * 1_000 - KEEP_ALIVE_MARGIN_MS);
}
