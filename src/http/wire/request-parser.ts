/** Parses the bytes of one client connection as requests. Only this file decides where each request ends (RFC 9112 §6.3, §7.1). */

import { type ChunkFault, createChunkReader } from "./chunked.ts";
import { type ErrorName, ProxyError, toProxyError } from "../errors.ts";
import { createHeadSection, endOfSection } from "./header-section.ts";
import { type RequestFields, readRequestFields } from "../request-fields.ts";
import { hasConnectionTrailer } from "../fields.ts";
import {
  type RequestHead,
  checkFieldLine,
  checkMethod,
  parseRequestHead,
  readBeginning,
} from "./request-head.ts";
import { NO_TRAILERS } from "../trailers.ts";

/** A header section, and what its fields contain. */
export interface ParsedRequest extends RequestHead {
  readonly fields: RequestFields;
}

/** A request with invalid or ambiguous framing: the bytes behind it must not be parsed. */
export interface UnframedRequest extends RequestHead {
  readonly error: ProxyError;
}

/** Parses one request after another. The caller decides when the next one begins. */
export interface RequestParser {
  /** Prepares for the next request. */
  begin(): void;
  /** Whether a header section has begun and is not complete. */
  isInHead(): boolean;
  /** The readable part of an incomplete or refused header section. The method matters for the error: a HEAD gets no content. */
  partialHead(): RequestHead;
  /** Whether the request is complete; further bytes belong to the next one. */
  isOver(): boolean;
  /**
   * Parses `bytes` from `start` and returns where it stopped: behind the header section, behind the request, or at the end of `bytes`.
   * Throws a ProxyError if they are not a request (400) or exceed a limit (413, 431).
   */
  push(bytes: Buffer, start: number): number;
  /** The trailers of a complete request: name, value, name, value, … */
  trailers(): readonly string[];
  /** Returns the header section that `push` has just parsed, once; otherwise undefined. */
  takeHead(): ParsedRequest | UnframedRequest | undefined;
}

type State = "head" | "length" | "chunks" | "over";

const CR = 0x0d;
const LF = 0x0a;

/** Creates the parser of one connection. `maxHeadBytes` limits a header section; `onContent` is called with content as it comes. */
// oxlint-disable-next-line max-lines-per-function -- one state machine; its states are the functions below
export function createRequestParser(
  maxHeadBytes: number,
  onContent: (bytes: Buffer) => void,
): RequestParser {
  let state: State = "head";
  let head: ParsedRequest | UnframedRequest | undefined;
  let left = 0;
  let trailers = NO_TRAILERS;
  /** Only the CR of a possible empty line has come. */
  let isCut = false;
  /** The request line, or the part of it that was checked, until the header section is complete. */
  let beginning = "";
  const section = createHeadSection({
    maxBytes: maxHeadBytes,
    toTooLarge: () => tooLarge(maxHeadBytes),
    isSkipped: () => false,
    onBeginning(text) {
      beginning = text;
      checkMethod(text);
    },
    onFirstLine(line) {
      beginning = line;
      parseRequestHead(line);
    },
    onFieldLine: checkFieldLine,
  });
  const chunks = createChunkReader(toContentError);

  return {
    begin() {
      state = "head";
      trailers = NO_TRAILERS;
      isCut = false;
      beginning = "";
      section.clear();
    },
    isInHead: () => state === "head" && (isCut || section.length() > 0),
    partialHead: () => readBeginning(beginning),
    isOver: () => state === "over",
    trailers: () => trailers,
    takeHead() {
      const parsed = head;
      head = undefined;
      return parsed;
    },
    push(bytes, start) {
      switch (state) {
        case "head":
          return readHead(bytes, start);
        case "length":
          return readLength(bytes, start);
        case "chunks":
          return readChunks(bytes, start);
        case "over":
          return start;
      }
    },
  };

  function readHead(bytes: Buffer, start: number): number {
    if (section.length() > 0) return readSection(bytes, start);
    const first = skipEmptyLines(bytes, start);
    if (first === bytes.length) return first;
    // Nearly every header section comes in one read.
    const end = endOfSection(bytes, first, Math.min(bytes.length, first + maxHeadBytes));
    if (end === -1) return readSection(bytes, first);
    beginning = bytes.toString("latin1", first, end - 2);
    onParsed(parseRequestHead(beginning));
    return end;
  }

  /** RFC 9112 §2.2: skips empty lines before a request line. Old clients send one behind their content. */
  function skipEmptyLines(bytes: Buffer, start: number): number {
    let at = start;
    if (isCut) {
      if (bytes[at] !== LF) throw new ProxyError("http_request_error");
      isCut = false;
      at += 1;
    }
    while (bytes[at] === CR && bytes[at + 1] === LF) at += 2;
    isCut = bytes[at] === CR && at + 1 === bytes.length;
    return isCut ? bytes.length : at;
  }

  function readSection(bytes: Buffer, start: number): number {
    const end = section.read(bytes, start, bytes.length);
    if (end === -1) return bytes.length;
    onParsed(parseRequestHead(section.take()));
    return end;
  }

  /** Determines the framing (RFC 9112 §6.3). Without content, the request is over. */
  function onParsed(parsed: RequestHead): void {
    state = "over";
    beginning = "";
    let fields: RequestFields;
    try {
      fields = readRequestFields(parsed.rawFields, parsed.httpVersion);
    } catch (error) {
      head = { ...parsed, error: toProxyError(error) };
      return;
    }
    const { method, target, httpVersion, rawFields } = parsed;
    head = { method, target, httpVersion, rawFields, fields };
    if (fields.framing === "chunked") {
      chunks.begin();
      state = "chunks";
    } else if (fields.contentLength > 0) {
      left = fields.contentLength;
      state = "length";
    }
  }

  function readLength(bytes: Buffer, start: number): number {
    const next = Math.min(start + left, bytes.length);
    left -= next - start;
    if (left === 0) state = "over";
    onContent(bytes.subarray(start, next));
    return next;
  }

  function readChunks(bytes: Buffer, start: number): number {
    const next = chunks.read(bytes, start, bytes.length, (all, from, to) =>
      onContent(all.subarray(from, to)),
    );
    const received = chunks.trailers();
    if (received === undefined) return next;
    // A trailer about the connection or framing (RFC 9110 §6.5.1) suggests that the client sees the end of its message elsewhere.
    if (hasConnectionTrailer(received)) throw new ProxyError("http_request_error");
    trailers = received;
    state = "over";
    return next;
  }
}

function tooLarge(maxBytes: number): ProxyError {
  const cause = new Error(`limits.headerBytes is ${maxBytes}`);
  return new ProxyError("request_header_section_size", { cause });
}

const CONTENT_ERRORS: Readonly<Record<ChunkFault, ErrorName>> = {
  malformed: "http_request_error",
  extensions: "request_chunk_extensions",
  trailers: "request_trailers",
};

function toContentError(fault: ChunkFault): ProxyError {
  return new ProxyError(CONTENT_ERRORS[fault]);
}
