/** One connection to the backend, one exchange on it at a time. */

import { type Dispatcher, Client, buildConnector } from "undici";
import type { Duplex, Readable } from "node:stream";

import type { UpstreamConfig } from "../config/schema.ts";
import { toReason } from "../http/answer.ts";
import { ProxyError, toProxyError } from "../http/errors.ts";
import { hasConnectionTrailer } from "../http/headers.ts";
import { createInterimFilter } from "../http/interim.ts";
import type { Pressure } from "./pressure.ts";

/** What goes up. `fields` are raw and include Host. */
export interface ConnectionRequest {
  readonly method: string;
  readonly path: string;
  readonly fields: readonly string[];
  readonly content: Readable | undefined;
  /** Milliseconds from the end of the request to the header section of its answer. */
  readonly responseMs: number;
  /** Milliseconds between bytes in either direction; 0 = no limit. */
  readonly idleMs: number;
}

/** The header section of an answer, interim (1xx) or final. */
export interface AnswerHead {
  readonly status: number;
  /** The bytes that came, as latin1. */
  readonly reason: string;
  readonly rawFields: readonly Buffer[];
}

/** Who is told what comes down, in order. Exactly one of `onEnd` and `onError` ends it. */
export interface Receiver {
  readonly request: ConnectionRequest;
  onSent(): void;
  onInterim(answer: AnswerHead): void;
  onAnswer(answer: AnswerHead): void;
  onChunk(chunk: Buffer): void;
  onEnd(rawTrailers: readonly Buffer[]): void;
  /** `untouched`: the connection had served before and died without a byte of this answer (RFC 9110 §9.2.2). */
  onError(error: ProxyError, untouched: boolean): void;
}

/** A connection that is opened by its first exchange. */
export interface Connection {
  send(receiver: Receiver): void;
  pause(): void;
  resume(): void;
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

// undici takes the name of the server with each request (RFC 6066 SNI); its published type does not say so.
type DispatchOptions = Dispatcher.DispatchOptions & { readonly servername: string };

// An answer may be preceded by interim ones without end (RFC 9110 §15.2); nobody means more than a few.
const MOST_INTERIM_ANSWERS = 100;

/**
 * Prepares a connection to an upstream.
 *
 * It is an undici Client rather than a Pool: only who holds the single connection knows whether it served before, which
 * decides whether a request may be sent again. Its own time limits are off, because they count in whole seconds and cannot
 * tell a client that stopped uploading from an upstream that does not answer.
 */
export function createConnection(
  upstream: UpstreamConfig,
  events: ConnectionEvents,
  onBytes: Pressure,
): Connection {
  let receiver: Receiver | undefined;
  let abort: ((error: Error) => void) | undefined;
  let resume: (() => void) | undefined;
  let isPaused = false;
  let isClosed = false;
  let hasBegun = false;
  let hasAnswered = false;
  let hasContent = true;
  let hasContentLeft = false;
  let interimAnswers = 0;
  let answersOnSocket = 0;
  let socket: Duplex | undefined;
  let connecting: Duplex | undefined;
  let lastActivityMs = 0;
  let watchdog: NodeJS.Timeout | undefined;
  let firesAtMs = 0;

  const interim = createInterimFilter(() =>
    tellInterim({ status: 100, reason: "Continue", rawFields: [] }),
  );
  const connector = buildConnector(toConnectorOptions(upstream));
  const client = new Client(toOrigin(upstream), {
    connect(options, callback) {
      // SNI follows the upstream's name, never the Host field of whoever asked first.
      const asked = { ...options, servername: toServerName(upstream) };
      // Typed as if it returned nothing.
      connecting = connector(asked, (...result) => {
        connecting = undefined;
        answersOnSocket = 0;
        socket = result[1] ?? undefined;
        if (socket !== undefined) filterInterim(socket);
        callback(...result);
      }) as unknown as Duplex;
    },
    pipelining: upstream.keepAlive === 0 ? 0 : 1, // 0 is undici's word for `Connection: close`
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: upstream.keepAlive || 1,
    keepAliveMaxTimeout: upstream.keepAlive || 1, // a `Keep-Alive: timeout=…` of the upstream can only shorten it
    keepAliveTimeoutThreshold: 1_000,
  });

  const connection: Connection = {
    send(next) {
      receiver = next;
      abort = undefined;
      resume = undefined;
      isPaused = false;
      hasBegun = false;
      hasAnswered = false;
      interimAnswers = 0;
      interim.begin();
      hasContentLeft = next.request.content !== undefined;
      const { method, path, fields, content } = next.request;
      client.dispatch(
        {
          method: method, // undici takes any token; its type lists the common ones
          path,
          headers: fields as string[], // typed as mutable, only read
          body: content,
          servername: upstream.url.host, // constant, or undici would reconnect for every other Host
        } as DispatchOptions,
        handler,
      );
      content?.once("end", () => {
        hasContentLeft = false;
        touch();
        watch(next.request.responseMs);
      });
    },
    pause() {
      isPaused = true;
    },
    resume() {
      if (!isPaused) return;
      isPaused = false;
      touch();
      resume?.();
    },
    cancel() {
      receiver = undefined;
      abort?.(new ProxyError("client_gone"));
      closed();
    },
    close: closed,
  };

  // The older of undici's two handler forms: it hands over the fields as they came, where the newer one first builds an object
  // of them that a proxy has no use for (1 µs of an exchange's 35).
  const handler: Dispatcher.DispatchHandler = {
    onConnect(abortRequest) {
      abort = abortRequest;
      if (receiver === undefined) return abort(new ProxyError("client_gone"));
      receiver.onSent();
      touch();
      watch(hasContentLeft ? receiver.request.idleMs : receiver.request.responseMs);
    },
    onBodySent(chunk) {
      touch();
      onBytes((chunk as unknown as Buffer).length); // typed as a number, handed over as the bytes
    },
    onHeaders(status, rawFields, resumeAnswer, reason) {
      if (receiver === undefined) return true;
      if (status < 200) {
        // It gains no time: whoever waits for an answer has none yet.
        tellInterim({ status, reason: toReason(reason, undefined), rawFields });
        return true;
      }
      touch();
      hasAnswered = true;
      hasContent = status !== 204 && status !== 304;
      resume = resumeAnswer;
      watch(receiver.request.idleMs);
      receiver.onAnswer({ status, reason: toReason(reason, interim.finalHead()), rawFields });
      return !isPaused;
    },
    onData(chunk) {
      touch();
      onBytes(chunk.length);
      receiver?.onChunk(chunk);
      return !isPaused;
    },
    onComplete(rawTrailers) {
      const served = receiver;
      receiver = undefined;
      answersOnSocket += 1;
      const trailers = (rawTrailers ?? []) as unknown as Buffer[]; // typed as strings, handed over as bytes
      served?.onEnd(trailers);
      if (isClosed) return;
      // The parser obeys a `Connection: close` among the trailers, and would refuse the next answer.
      if (hasConnectionTrailer(trailers)) closed();
      else events.onIdle(connection);
    },
    onError(error) {
      // undici measures a 204 or 304 by its Content-Length, which speaks of another answer's content (RFC 9110 §8.6).
      if (hasAnswered && !hasContent) return endEarly();
      const untouched = abort !== undefined && !hasBegun && answersOnSocket > 0;
      fail(toUpstreamError(error), untouched);
    },
  };

  // A connection that dies while it waits its turn carries nothing. One that has an exchange not yet written opens again.
  client.on("disconnect", () => {
    if (receiver === undefined) closed();
  });

  return connection;

  function tellInterim(answer: AnswerHead): void {
    interimAnswers += 1;
    if (answer.status < 100 || interimAnswers > MOST_INTERIM_ANSWERS)
      fail(new ProxyError("http_protocol_error"));
    else receiver?.onInterim(answer);
  }

  function fail(error: ProxyError, untouched = false): void {
    const failed = receiver;
    receiver = undefined;
    closed();
    abort?.(error);
    failed?.onError(error, untouched);
  }

  function endEarly(): void {
    const served = receiver;
    receiver = undefined;
    closed();
    served?.onEnd([]);
  }

  function closed(): void {
    if (isClosed) return;
    isClosed = true;
    clearTimeout(watchdog);
    // undici takes an aborted request for one that is still to be sent, and would open a connection for it. Not at once: this
    // may be called from within its parser.
    queueMicrotask(() => void client.destroy());
    // That leaves a connection which does not stand yet to its time limit. With an error, or undici would wait for one.
    connecting?.destroy(new ProxyError("client_gone"));
    events.onClosed(connection);
  }

  function touch(): void {
    lastActivityMs = performance.now();
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
    if (receiver === undefined || abort === undefined) return;
    const { idleMs, responseMs } = receiver.request;
    const limitMs = hasAnswered || hasContentLeft ? idleMs : responseMs;
    if (limitMs === 0 || lastActivityMs + limitMs > performance.now()) watch(limitMs);
    else fail(toTimeout());
  }

  function toTimeout(): ProxyError {
    if (isPaused) return new ProxyError("client_gone", { title: "The client stopped reading" });
    if (hasAnswered) return new ProxyError("connection_read_timeout");
    if (!hasContentLeft) return new ProxyError("http_response_timeout");
    if (socket?.writableNeedDrain === true) return new ProxyError("connection_write_timeout");
    return new ProxyError("http_request_error", {
      status: 408,
      title: "The client stopped sending",
    });
  }

  // undici reads its socket by `read`. So does node, but with a size: its `read(0)` only asks for more, and drops what it gets.
  function filterInterim(from: Duplex): void {
    const read = from.read.bind(from);
    from.read = (size?: number) => {
      if (size !== undefined) return read(size) as unknown;
      for (;;) {
        const passed = interim.next();
        if (passed !== undefined) return passed;
        const chunk = read() as Buffer | null;
        if (chunk === null) return chunk;
        hasBegun = true;
        interim.push(chunk);
      }
    };
  }

  function toUpstreamError(error: Error): ProxyError {
    // Its parser's errors have a name, and a code only sometimes.
    if (error.name === "HTTPParserError")
      return new ProxyError("http_protocol_error", { cause: error });
    const known = toProxyError(error);
    if (known.code === "http_response_incomplete" && !hasAnswered)
      return new ProxyError("http_protocol_error", { cause: error });
    if (known.code !== "connection_terminated") return known;
    // undici says `bad response` of bytes that nobody asked for and of an answer it cannot place.
    if (error.message.startsWith("bad "))
      return new ProxyError("http_protocol_error", { cause: error });
    return hasAnswered ? new ProxyError("http_response_incomplete", { cause: error }) : known;
  }
}

function toOrigin({ url }: UpstreamConfig): string {
  if (url.socketPath !== undefined) return "http://localhost";
  const host = url.host.includes(":") ? `[${url.host}]` : url.host;
  return `${url.protocol}//${host}:${url.port}`;
}

function toServerName({ url, tls }: UpstreamConfig): string {
  const name = tls?.serverName ?? url.host;
  return /^[\d.]+$|:/.test(name) ? "" : name; // RFC 6066 §3: an address is not a server name
}

function toConnectorOptions({
  url,
  tls,
  connectTimeout,
}: UpstreamConfig): buildConnector.BuildOptions {
  const options: buildConnector.BuildOptions = { timeout: connectTimeout };
  if (url.socketPath !== undefined) options.socketPath = url.socketPath;
  if (tls === undefined) return options;
  if (tls.ca !== undefined) options.ca = tls.ca;
  if (tls.cert !== undefined) options.cert = tls.cert;
  if (tls.key !== undefined) options.key = tls.key;
  options.rejectUnauthorized = tls.verify;
  return options;
}
