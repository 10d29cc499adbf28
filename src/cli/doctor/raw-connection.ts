/** Sends requests on one connection and records the raw response: fields, times, and unannounced bytes after the response. */

import { type ErrorCode, toProxyError } from "../../http/errors.ts";
import { keepsAlive as isKeptAfter } from "../../http/fields.ts";
import {
  type ResponseParserEvents,
  createResponseParser,
} from "../../http/wire/response-parser.ts";
import type { ParsedHead } from "../../http/wire/response-head.ts";
import { toRequestText } from "../../http/wire/serialize.ts";
import type { Connect, UpstreamSocket } from "../../upstream/socket.ts";

/** A request with a safe method (RFC 9110 §9.2.1): the doctor cannot send any other. */
export interface SafeRequest {
  readonly method: "GET" | "HEAD" | "OPTIONS";
  /** The path and the query. */
  readonly target: string;
  /** Name, value, name, value, … with Host. */
  readonly fields: readonly string[];
  /** Where to stop reading: `head` for a stream, whose content is not needed. */
  readonly until?: (head: ParsedHead) => "head" | "end";
  /** Receives the content; without it, the content is only counted. */
  readonly onContent?: (chunk: Buffer) => void;
}

/** The limits of one request. */
export interface ExchangeLimits {
  /** Milliseconds from the request to the end of its response. */
  readonly timeoutMs: number;
  /** Bytes of content. */
  readonly maxBytes: number;
}

/** A response as it was received. */
export interface Response {
  readonly status: number;
  readonly reason: string;
  /** As received: name, value, name, value, … */
  readonly fields: readonly string[];
  /** Milliseconds until the header section was received. */
  readonly headMs: number;
  /** Milliseconds until the content was received; undefined if the doctor stopped reading before. */
  readonly endMs: number | undefined;
  readonly contentBytes: number;
  /** How reading ended. `time` and `bytes` are the doctor's own limits. */
  readonly ended: "complete" | "time" | "bytes" | "chosen" | "broken";
  /** Bytes after the response that belong to no response: a HEAD's content. */
  readonly strayBytes: number;
}

/** The reason why there is no response. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  /** Whether bytes were received that are not a response. */
  readonly isGarbage: boolean;
}

/** A response, or the reason why there is none. */
export type Outcome = { readonly response: Response } | { readonly failure: Failure };

/** One connection for one request at a time. */
export interface RawConnection {
  send(request: SafeRequest): Promise<Outcome>;
  /** Whether the connection can be reused for another request. */
  isUsable(): boolean;
  close(): void;
}

const MAX_HEAD_BYTES = 256 * 1024;
/** Content that wrongly follows a HEAD comes at once, but may come in a segment of its own. */
const STRAY_MS = 50;
/** If the backend closes the connection after a HEAD, all bytes until then are stray. */
const CLOSING_MS = 1_000;
const LF = 0x0a;

/** Opens a connection for its first request. */
// oxlint-disable-next-line max-lines-per-function -- one state, and the functions that change it
export function openRawConnection(connect: Connect, limits: ExchangeLimits): RawConnection {
  let socket: UpstreamSocket | undefined;
  let isConnected = false;
  let isClosed = false;
  let isUsable = true;
  let current: Exchange | undefined;

  return {
    send(request) {
      return new Promise((resolve) => {
        current = createExchange(request, limits, (outcome, canReuse) => {
          current = undefined;
          if (!canReuse || !isUsable) close();
          resolve(outcome);
        });
        socket ??= open();
        if (isClosed) current.fail(undefined);
        else if (isConnected) current.begin(socket);
      });
    },
    isUsable: () => isUsable && !isClosed,
    close,
  };

  function close(): void {
    isUsable = false;
    isClosed = true;
    socket?.destroy();
  }

  function open(): UpstreamSocket {
    const opened = connect({
      onConnected() {
        isConnected = true;
        current?.begin(opened);
      },
      onRead(bytes, length) {
        // Bytes between two exchanges are late content of the previous response.
        if (current === undefined) close();
        else current.read(bytes.subarray(0, length));
      },
      onWritten: () => undefined,
      onDrain: () => undefined,
      onEnd() {
        isUsable = false;
        if (current === undefined) close();
        else if (current.awaitsEnd()) opened.confirmEnd((isOrderly) => current?.end(isOrderly));
        else current.end(true);
      },
      onClosed(error) {
        isClosed = true;
        current?.fail(error);
      },
    });
    return opened;
  }
}

interface Exchange {
  begin(socket: UpstreamSocket): void;
  read(bytes: Buffer): void;
  awaitsEnd(): boolean;
  end(isOrderly: boolean): void;
  fail(error: Error | undefined): void;
}

// oxlint-disable-next-line max-lines-per-function -- one state, and the functions that change it
function createExchange(
  request: SafeRequest,
  { timeoutMs, maxBytes }: ExchangeLimits,
  onDone: (outcome: Outcome, canReuse: boolean) => void,
): Exchange {
  let sentMs = 0;
  let head: ParsedHead | undefined;
  let headMs = 0;
  let endMs: number | undefined;
  let contentBytes = 0;
  let strayBytes = 0;
  let keepsAlive = false;
  let isOver = false;
  let timer: NodeJS.Timeout | undefined;

  const events: ResponseParserEvents = {
    onInterim: () => undefined,
    onHead(parsed) {
      head = parsed;
      headMs = performance.now() - sentMs;
      if (request.method !== "HEAD" && request.until?.(parsed) === "head") done("chosen");
    },
    onContent(bytes, start, end) {
      if (isOver) return;
      contentBytes += end - start;
      request.onContent?.(Buffer.from(bytes.subarray(start, end)));
      if (contentBytes > maxBytes) done("bytes");
    },
    onEnd(_trailers, isReusable) {
      endMs = performance.now() - sentMs;
      keepsAlive = isReusable;
      if (request.method === "HEAD") awaitStray();
      else done("complete");
    },
    onSwitch: () => undefined,
  };
  const parser = createResponseParser(events, MAX_HEAD_BYTES);

  return {
    begin(socket) {
      sentMs = performance.now();
      parser.begin({ method: request.method, upgrade: undefined, isStrict: false });
      socket.write(toRequestText({ ...request, path: request.target }, []));
      timer = setTimeout(() => {
        if (head === undefined) failWith("http_response_timeout", toSilence(timeoutMs), false);
        else done("time");
      }, timeoutMs);
    },
    read(bytes) {
      try {
        if (request.method === "HEAD") readByLines(bytes);
        else if (!isOver) parser.push(bytes, bytes.length);
      } catch (error) {
        if (head !== undefined) return done("broken");
        const { code, message } = toProxyError(error);
        failWith(code, message, true);
      }
    },
    awaitsEnd: () => parser.awaitsEnd(),
    end(isOrderly) {
      if (endMs !== undefined) return done("complete");
      try {
        if (isOrderly) parser.finish();
        else done("broken");
      } catch (error) {
        if (head !== undefined) done("broken");
        else
          failWith(toProxyError(error).code, "the connection was closed before a response", false);
      }
    },
    fail(error) {
      if (endMs !== undefined) return done("complete");
      if (head !== undefined) return done("broken");
      if (error === undefined)
        return failWith("connection_terminated", "the connection was closed", false);
      const known = toProxyError(error);
      failWith(known.code, toReason(known), false);
    },
  };

  /** Feeds the parser line by line, because it drops bytes after a response: they are counted where the response ends. */
  function readByLines(bytes: Buffer): void {
    let start = 0;
    while (start < bytes.length && endMs === undefined) {
      const newline = bytes.indexOf(LF, start);
      const next = newline === -1 ? bytes.length : newline + 1;
      const line = bytes.subarray(start, next);
      parser.push(line, line.length);
      start = next;
    }
    strayBytes += bytes.length - start;
    if (strayBytes > maxBytes) done("complete");
  }

  function awaitStray(): void {
    clearTimeout(timer);
    keepsAlive = head !== undefined && isKeptAfter(head.version, head.fields.connection);
    timer = setTimeout(() => done("complete"), keepsAlive ? STRAY_MS : CLOSING_MS);
  }

  function done(ended: Response["ended"]): void {
    if (isOver || head === undefined) return;
    isOver = true;
    clearTimeout(timer);
    const { status, reason, rawFields: fields } = head;
    const times = { headMs, endMs };
    const response = { status, reason, fields, ...times, contentBytes, ended, strayBytes };
    onDone({ response }, keepsAlive && strayBytes === 0 && ended === "complete");
  }

  function failWith(code: ErrorCode, message: string, isGarbage: boolean): void {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    onDone({ failure: { code, message, isGarbage } }, false);
  }
}

function toSilence(timeoutMs: number): string {
  return `no response in ${timeoutMs / 1_000} s`;
}

/** The title of an error, and its cause. */
function toReason({ message, cause }: Error): string {
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}
