/** Connections to one backend: taken, waited for, given back, and the one safe retry. */

import type {
  AnswerHead,
  Connection,
  ConnectionEvents,
  ConnectionRequest,
  Receiver,
} from "./connection.ts";
import { ProxyError } from "../http/errors.ts";

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
  /** All of it, where it came together with the header section and had no trailers. */
  whole(): Buffer | undefined;
  read(reader: ContentReader): void;
  pause(): void;
  resume(): void;
  /** Drops the connection; the reader hears nothing more. */
  abort(): void;
}

export interface ContentReader {
  onChunk(chunk: Buffer): void;
  onEnd(rawTrailers: readonly Buffer[]): void;
  onError(error: ProxyError): void;
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

/** One backend. */
export interface Upstream {
  send(request: UpstreamRequest): Call;
  /** Open connections by state, for the metrics. */
  connections(): { readonly idle: number; readonly active: number };
  /** Closes idle connections, and the others when their exchange is over. */
  close(): void;
}

/** How many connections may be open and how many requests may wait for one. */
export interface UpstreamLimits {
  readonly connections: number;
  readonly waiting: number;
}

/**
 * Creates the pool of one backend. The connection used last is taken first, so that the pool shrinks to what is needed.
 *
 * A request that finds all connections busy waits; one that finds the queue full fails at once (RFC 9209
 * `connection_limit_reached`), because a queue without bound only moves the failure to memory.
 */
export function createUpstream(
  limits: UpstreamLimits,
  open: (events: ConnectionEvents) => Connection,
): Upstream {
  const idle: Connection[] = [];
  const waiting = new Set<Pooled>();
  const all = new Set<Connection>();
  let isClosed = false;

  const events: ConnectionEvents = {
    onIdle(connection) {
      const [next] = waiting;
      if (next !== undefined) {
        waiting.delete(next);
        return sendOn(connection, next);
      }
      if (isClosed) connection.close();
      else idle.push(connection);
    },
    onClosed(connection) {
      all.delete(connection);
      const index = idle.lastIndexOf(connection);
      if (index !== -1) idle.splice(index, 1);
      const [next] = waiting;
      if (next === undefined) return;
      waiting.delete(next);
      sendFresh(next);
    },
  };

  const pool: Pool = {
    send: startFresh,
    forget: (pooled) => waiting.delete(pooled),
  };

  return {
    send(request) {
      const { call, pooled } = createCall(request, pool);
      const connection = idle.pop();
      if (connection === undefined) startFresh(pooled);
      else sendOn(connection, pooled);
      return call;
    },
    connections: () => ({ idle: idle.length, active: all.size - idle.length }),
    close() {
      isClosed = true;
      for (const connection of idle.splice(0)) connection.close();
    },
  };

  function startFresh(pooled: Pooled): void {
    if (all.size < limits.connections) return sendFresh(pooled);
    if (waiting.size < limits.waiting) return void waiting.add(pooled);
    pooled.onError(new ProxyError("connection_limit_reached"), false);
  }

  function sendFresh(pooled: Pooled): void {
    const connection = open(events);
    all.add(connection);
    sendOn(connection, pooled);
  }
}

interface Pooled extends Receiver {
  connection: Connection | undefined;
}

interface Pool {
  /** On a connection that never served, now or when there is room for one. */
  send(pooled: Pooled): void;
  forget(pooled: Pooled): void;
}

function sendOn(connection: Connection, pooled: Pooled): void {
  pooled.connection = connection;
  connection.send(pooled);
}

// RFC 9110 §9.2.2 allows an automatic retry of what is idempotent. PUT and DELETE are too, but a backend may count them: the
// three that ask without changing anything are sent again, and nothing that carries content.
function isRepeatable({ method, content }: UpstreamRequest): boolean {
  return content === undefined && (method === "GET" || method === "HEAD" || method === "OPTIONS");
}

function createCall(
  request: UpstreamRequest,
  pool: Pool,
): { readonly call: Call; readonly pooled: Pooled } {
  let sentMs: number | undefined;
  let retries = 0;
  let hasAnswered = false;
  let isOver = false;
  let reader: ContentReader | undefined;
  let early: Buffer[] = [];
  let earlyEnd: readonly Buffer[] | undefined;
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
    onSent() {
      sentMs = performance.now();
    },
    onInterim: request.onInterim,
    onAnswer(head) {
      hasAnswered = true;
      resolve({ head, content, sentMs });
    },
    onChunk(chunk) {
      if (reader === undefined) early.push(chunk);
      else reader.onChunk(chunk);
    },
    onEnd(rawTrailers) {
      isOver = true;
      if (reader === undefined) earlyEnd = rawTrailers;
      else reader.onEnd(rawTrailers);
    },
    onError(error, untouched) {
      if (untouched && isRepeatable(request)) {
        retries += 1;
        pool.send(pooled);
      } else fail(error);
    },
  };

  const content: Content = {
    whole: () => (earlyEnd?.length === 0 && early.length === 1 ? early[0] : undefined),
    read(next) {
      reader = next;
      const chunks = early;
      early = [];
      for (const chunk of chunks) next.onChunk(chunk);
      if (earlyEnd !== undefined) next.onEnd(earlyEnd);
      if (earlyError !== undefined) next.onError(earlyError);
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

  function fail(error: ProxyError): void {
    isOver = true;
    if (!hasAnswered) reject(error);
    else if (reader === undefined) earlyError = error;
    else reader.onError(error);
  }
}
