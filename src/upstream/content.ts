/** The content of a response between its connection and its reader: held until it is read, then relayed or counted. */

import type { ProxyError } from "../http/errors.ts";
import type { UpstreamConnection } from "./upstream-connection.ts";
import type { GcPressure } from "../runtime/gc-pressure.ts";

/** The content of a response. Until `read` is called it holds at most the bytes of one read of the socket. */
export interface Content {
  /** The complete content as latin1, if it is short, has already come, and had no trailers; otherwise undefined. */
  fullText(): string | undefined;
  /** The length of the content in bytes, if the request said `skip` and the content has ended; otherwise undefined. */
  skipped(): number | undefined;
  read(reader: ContentReader): void;
  /** Reads to the end so that the connection can be used again. Only for requests that said `skip`. */
  skip(reader: ContentSkipper): void;
  pause(): void;
  resume(): void;
  /** Closes the connection; the reader is not called again. */
  abort(): void;
  /** Whether the connection carries a login, so that the response is for one client only. */
  isPrivate(): boolean;
}

interface ContentEnds {
  onEnd(rawTrailers: readonly string[]): void;
  onError(error: ProxyError): void;
}

/** Receives the content of a response. */
export interface ContentReader extends ContentEnds {
  /** Returns whether the chunk is still needed. If not, its memory is reused at once. */
  onChunk(chunk: Buffer): boolean;
}

/** Receives the length of content that goes to no client. */
export interface ContentSkipper extends ContentEnds {
  /** `length` is in bytes. */
  onBytes(length: number): void;
}

/** Content that came before it was read: a short beginning as latin1 alone, or chunks. */
interface Early {
  readonly text: string | undefined;
  readonly chunks: readonly Buffer[];
}

// Short content is kept as text and leaves in one write with the header section, which saves a sixth of the exchange's CPU time.
const SHORT_BYTES = 16 * 1024;

/**
 * The content as its connection fills it: by `push`, `end` and `fail`.
 *
 * It is a class because each exchange creates one, and closures would cost measurable CPU time.
 */
export class IncomingContent implements Content {
  private readonly connection: UpstreamConnection;
  private readonly isSkipped: boolean;
  private readonly gcPressure: GcPressure;
  private isOver: boolean;
  private reader: ContentReader | undefined;
  private skipper: ContentSkipper | undefined;
  private skippedBytes: number;
  private early: Early | undefined;
  private earlyEnd: readonly string[] | undefined;
  private earlyError: ProxyError | undefined;

  constructor(connection: UpstreamConnection, mode: "relay" | "skip", gcPressure: GcPressure) {
    this.connection = connection;
    this.isSkipped = mode === "skip";
    this.gcPressure = gcPressure;
    this.isOver = false;
    this.reader = undefined;
    this.skipper = undefined;
    this.skippedBytes = 0;
    this.early = undefined;
    this.earlyEnd = undefined;
    this.earlyError = undefined;
  }

  push(bytes: Buffer, start: number, end: number): void {
    if (this.isSkipped) {
      this.skippedBytes += end - start;
      this.skipper?.onBytes(end - start);
    } else if (this.reader === undefined) this.hold(bytes, start, end);
    else this.pass(this.reader, bytes.subarray(start, end));
  }

  end(rawTrailers: readonly string[]): void {
    this.isOver = true;
    const ends = this.reader ?? this.skipper;
    if (ends === undefined) this.earlyEnd = rawTrailers;
    else ends.onEnd(rawTrailers);
  }

  fail(error: ProxyError): void {
    this.isOver = true;
    const ends = this.reader ?? this.skipper;
    if (ends === undefined) this.earlyError = error;
    else ends.onError(error);
  }

  fullText(): string | undefined {
    if (this.earlyEnd?.length !== 0) return undefined; // no end yet, or an end with trailers
    return this.early === undefined ? "" : this.early.text;
  }

  skipped(): number | undefined {
    return this.isSkipped && this.earlyEnd !== undefined ? this.skippedBytes : undefined;
  }

  read(next: ContentReader): void {
    const { early } = this;
    this.reader = next;
    this.early = undefined;
    if (early?.text !== undefined) next.onChunk(Buffer.from(early.text, "latin1"));
    for (const chunk of early?.chunks ?? []) next.onChunk(chunk);
    this.endNow(next);
  }

  skip(next: ContentSkipper): void {
    this.skipper = next;
    if (this.skippedBytes > 0) next.onBytes(this.skippedBytes);
    this.endNow(next);
  }

  // When the reader's backpressure ends, the connection may already be serving another request.
  pause(): void {
    if (!this.isOver) this.connection.pause();
  }

  resume(): void {
    if (!this.isOver) this.connection.resume();
  }

  abort(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.connection.cancel();
  }

  isPrivate(): boolean {
    return this.connection.owner !== undefined;
  }

  // Usually the client takes the bytes at once, and the memory can serve the next read. A small chunk is copied, because to keep it would
  // keep 64 KiB of memory.
  private pass(to: ContentReader, borrowed: Buffer): void {
    const { connection } = this;
    if (borrowed.length <= SHORT_BYTES || !connection.isBorrowed())
      return void to.onChunk(this.copy(borrowed));
    if (!to.onChunk(borrowed)) return;
    connection.detach();
    this.gcPressure(borrowed.buffer.byteLength);
  }

  private copy(borrowed: Buffer): Buffer {
    this.gcPressure(borrowed.length);
    return Buffer.from(borrowed);
  }

  private hold(bytes: Buffer, start: number, end: number): void {
    const held = this.early;
    if (held === undefined && end - start <= SHORT_BYTES) {
      this.early = { text: bytes.toString("latin1", start, end), chunks: [] };
      return;
    }
    const before = held?.text === undefined ? [] : [Buffer.from(held.text, "latin1")];
    const chunk = this.copy(bytes.subarray(start, end));
    this.early = { text: undefined, chunks: [...before, ...(held?.chunks ?? []), chunk] };
  }

  private endNow(ends: ContentEnds): void {
    if (this.earlyEnd !== undefined) ends.onEnd(this.earlyEnd);
    // The header section waits for the end of this turn, and has to leave before the error ends the response.
    const error = this.earlyError;
    if (error !== undefined) setImmediate(() => ends.onError(error));
  }
}
