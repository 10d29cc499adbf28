/** Parses the bytes of one upstream connection as responses. Only this file decides where each response ends (RFC 9112 §6.3, §7.1). */

import {
  type ResponseHead,
  type ParsedHead,
  STRICT_READING,
  parseResponseHead,
} from "./response-head.ts";
import { createChunkReader } from "./chunked.ts";
import { ProxyError } from "../errors.ts";
import { createHeadSection, endOfSection } from "./header-section.ts";
import type { UpgradeFields } from "../request-fields.ts";
import { hasConnectionTrailer, keepsAlive } from "../fields.ts";
import { mayBeBodiless } from "./request-head.ts";
import { TOLERANT_READING } from "./liberties.ts";
import { isAgreedProtocol } from "../upgrade-fields.ts";

/** Receives what the parser finds, in order. */
export interface ResponseParserEvents {
  /** A 1xx (RFC 9110 §15.2). */
  onInterim(head: ResponseHead): void;
  onHead(head: ParsedHead): void;
  /** A piece of content: `bytes` from `start` to `end`, which are borrowed until it returns. */
  onContent(bytes: Buffer, start: number, end: number): void;
  /** `reusable`: the connection is certainly at the beginning of a next response. */
  onEnd(rawTrailers: readonly string[], reusable: boolean): void;
  /** A 101 (RFC 9110 §15.2.2): `bytes` from `start` to `end`, and all later bytes, belong to the new protocol. */
  onSwitch(head: ParsedHead, bytes: Buffer, start: number, end: number): void;
}

/** The request that a response belongs to. */
export interface SentRequest {
  readonly method: string;
  /** Its Upgrade field. */
  readonly upgrade: Pick<UpgradeFields, "protocols"> | undefined;
  /** Whether a response with a liberty (http/wire/liberties.ts) is refused. */
  readonly isStrict: boolean;
}

/** Parses one response after another. */
export interface ResponseParser {
  /** To be called when a request was sent; the next bytes are its response. */
  begin(request: SentRequest): void;
  /** Whether a byte of that response has come. */
  hasBegun(): boolean;
  /** Whether the end of the connection would complete the response (RFC 9112 §6.3, rule 8). */
  awaitsEnd(): boolean;
  /** Parses `bytes` up to `length`. Throws a ProxyError (502) for an invalid response, and for bytes without a request. */
  push(bytes: Buffer, length: number): void;
  /** To be called when the upstream has closed the connection. Throws a ProxyError (502) if the response is incomplete. */
  finish(): void;
}

type State = "idle" | "head" | "length" | "chunks" | "close";

/** Real backends send a few. The limit stops an upstream that sends interim responses without end. */
const MAX_INTERIM_RESPONSES = 100;

/** Creates the parser of one connection. `maxHeadBytes` limits a header section, as in a request: from its first line to the empty one. */
// oxlint-disable-next-line max-lines-per-function -- one state machine; its states are the functions below
export function createResponseParser(
  events: ResponseParserEvents,
  maxHeadBytes: number,
): ResponseParser {
  let state: State = "idle";
  let method = "";
  let upgrade: string | undefined;
  let reading = STRICT_READING;
  let isBegun = false;
  let interimResponses = 0;
  let left = 0;
  let isPersistent = false;
  const section = createHeadSection({
    maxBytes: maxHeadBytes,
    toTooLarge: () => tooLarge(maxHeadBytes),
    isSkipped: (line) => reading.isSkipped(line),
    onBeginning: (text) => reading.checkBeginning(text),
    onFirstLine: (line) => void reading.parseHead(line),
    onFieldLine: (line, lineEnd) => reading.checkFieldLine(line, lineEnd),
  });
  const chunks = createChunkReader(() => new ProxyError("http_protocol_error"));

  return {
    begin(request) {
      method = request.method;
      upgrade = request.upgrade?.protocols;
      reading = request.isStrict ? STRICT_READING : TOLERANT_READING;
      state = "head";
      isBegun = false;
      interimResponses = 0;
      section.clear();
    },
    hasBegun: () => isBegun,
    awaitsEnd: () => state === "close",
    push(bytes, length) {
      if (length > 0) isBegun = true;
      let at = 0;
      while (at < length && at !== -1) {
        switch (state) {
          case "idle":
            throw new ProxyError("http_protocol_error");
          case "head":
            at = readHead(bytes, at, length);
            break;
          case "length":
            at = readLength(bytes, at, length);
            break;
          case "chunks":
            at = readChunks(bytes, at, length);
            break;
          case "close":
            events.onContent(bytes, at, length);
            return;
        }
      }
    },
    finish() {
      if (state === "close") return end([], false);
      if (state === "head") throw new ProxyError("connection_terminated");
      if (state !== "idle") throw new ProxyError("http_response_incomplete");
    },
  };

  function readHead(bytes: Buffer, start: number, length: number): number {
    // Nearly every header section comes in one read.
    const sectionEnd =
      section.length() === 0
        ? endOfSection(bytes, start, Math.min(length, start + maxHeadBytes))
        : -1;
    if (sectionEnd !== -1) {
      const head = parseComplete(bytes.toString("latin1", start, sectionEnd - 2));
      if (head !== undefined) return onParsed(head, bytes, sectionEnd, length);
    }
    const next = section.read(bytes, start, length);
    if (next === -1) return length;
    return onParsed(reading.parseHead(section.take()), bytes, next, length);
  }

  /** Returns undefined if the strict reading fails but liberties are allowed: with a liberty, the section may end elsewhere. */
  function parseComplete(lines: string): ParsedHead | undefined {
    if (reading === STRICT_READING) return parseResponseHead(lines);
    try {
      return parseResponseHead(lines);
    } catch {
      return undefined;
    }
  }

  /** Handles a complete header section, which ended at `next` of `length` bytes. */
  function onParsed(head: ParsedHead, bytes: Buffer, next: number, length: number): number {
    if (head.status >= 200) return beginContent(head, next === length) === "over" ? -1 : next;
    if (head.status === 101) return switchProtocol(head, bytes, next, length);
    if ((interimResponses += 1) > MAX_INTERIM_RESPONSES)
      throw new ProxyError("http_protocol_error");
    events.onInterim(head);
    return next;
  }

  function switchProtocol(head: ParsedHead, bytes: Buffer, start: number, length: number): number {
    if (upgrade === undefined) throw new ProxyError("http_protocol_error");
    if (head.version !== "1.1" || !isAgreedProtocol(upgrade, head.rawFields))
      throw new ProxyError("http_upgrade_failed");
    state = "idle";
    events.onSwitch(head, bytes, start, length);
    return -1;
  }

  /** Determines the framing (RFC 9112 §6.3). `over`: the response has ended with its header section. */
  function beginContent(head: ParsedHead, isLast: boolean): "over" | "content" {
    const { status, version, fields } = head;
    const { contentLength, chunked } = fields;
    if (contentLength !== undefined && chunked) throw new ProxyError("http_protocol_error");
    const isBare = method === "HEAD" || status === 204 || status === 304;
    isPersistent = !mayHaveStrayBody(method, head) && keepsAlive(version, fields.connection);
    if (isBare || contentLength === 0) {
      events.onHead(head);
      end([], isPersistent && isLast);
      return "over";
    }
    if (chunked) {
      // RFC 9112 §6.1: chunked in HTTP/1.0 is faulty, so bytes behind it must not be used.
      if (version === "1.0") isPersistent = false;
      chunks.begin(reading.chunks);
      state = "chunks";
    } else if (contentLength === undefined) {
      state = "close";
    } else {
      left = contentLength;
      state = "length";
    }
    events.onHead(head);
    return "content";
  }

  function readLength(bytes: Buffer, start: number, length: number): number {
    const next = Math.min(start + left, length);
    left -= next - start;
    events.onContent(bytes, start, next);
    if (left > 0) return next;
    end([], isPersistent && next === length);
    return -1;
  }

  function readChunks(bytes: Buffer, start: number, length: number): number {
    const next = chunks.read(bytes, start, length, events.onContent);
    const trailers = chunks.trailers();
    if (trailers === undefined) return next;
    // A trailer about the connection or framing (RFC 9110 §6.5.1) suggests that the upstream sees the end of its message elsewhere.
    end(trailers, isPersistent && next === length && !hasConnectionTrailer(trailers));
    return -1;
  }

  function end(rawTrailers: readonly string[], reusable: boolean): void {
    state = "idle";
    events.onEnd(rawTrailers, reusable);
  }
}

function tooLarge(maxHeadBytes: number): ProxyError {
  const cause = new Error(`upstream.headerBytes is ${maxHeadBytes}`);
  return new ProxyError("http_response_header_section_size", { cause });
}

/**
 * Whether a body may follow that does not belong there. Some backends send one with the response to a HEAD, or with a 204 that announces
 * one, perhaps in a later segment. It would look like the next response.
 */
function mayHaveStrayBody(method: string, { status, fields }: ParsedHead): boolean {
  if (mayBeBodiless(method)) return true;
  return status === 204 && (fields.chunked || (fields.contentLength ?? 0) > 0);
}
