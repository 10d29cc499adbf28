/** A request on a client connection, and its content until it is read. */

import type { ProxyError } from "../http/errors.ts";
import type { RequestFields } from "../http/request-fields.ts";
import type { ParsedRequest } from "../http/wire/request-parser.ts";
import { NO_TRAILERS } from "../http/trailers.ts";
import type { ClientPeer, ServerRequest, RequestReader } from "./server-handler.ts";

/** Pauses or resumes the reading of the connection. */
type SetReading = (isReading: boolean) => void;

// The content that is held before it has a reader. Above it, headgate stops reading from the client.
const MAX_EARLY_BYTES = 64 * 1024;

/** It is a class because each exchange creates one, and closures would cost a twentieth of the exchange's CPU time. */
export class IncomingRequest implements ServerRequest {
  readonly method: string;
  readonly target: string;
  readonly httpVersion: string;
  readonly rawFields: readonly string[];
  readonly fields: RequestFields;
  readonly peer: ClientPeer;
  private readonly setReading: SetReading;
  private hasEnded: boolean;
  private isDropped: boolean;
  private reader: RequestReader | undefined;
  private early: Buffer[] | undefined;
  private earlyBytes: number;
  private trailers: readonly string[];

  constructor(head: ParsedRequest, peer: ClientPeer, setReading: SetReading) {
    this.method = head.method;
    this.target = head.target;
    this.httpVersion = head.httpVersion;
    this.rawFields = head.rawFields;
    this.fields = head.fields;
    this.peer = peer;
    this.setReading = setReading;
    this.hasEnded = false;
    this.isDropped = false;
    this.reader = undefined;
    this.early = undefined;
    this.earlyBytes = 0;
    this.trailers = NO_TRAILERS;
  }

  isComplete(): boolean {
    return this.hasEnded;
  }

  read(reader: RequestReader): void {
    this.reader = reader;
    for (const bytes of this.early ?? []) reader.onChunk(bytes);
    this.early = undefined;
    if (this.hasEnded) reader.onEnd(this.trailers);
  }

  drop(): void {
    this.reader = undefined;
    this.early = undefined;
    this.isDropped = true;
    this.resume();
  }

  pause(): void {
    if (!this.hasEnded) this.setReading(false);
  }

  resume(): void {
    if (!this.hasEnded) this.setReading(true);
  }

  /** Passes a piece of content on, or holds it. */
  push(bytes: Buffer): void {
    if (this.isDropped) return;
    if (this.reader !== undefined) return this.reader.onChunk(bytes);
    (this.early ??= []).push(bytes);
    this.earlyBytes += bytes.length;
    if (this.earlyBytes > MAX_EARLY_BYTES) this.setReading(false);
  }

  /** Completes the request. */
  end(rawTrailers: readonly string[]): void {
    this.hasEnded = true;
    this.trailers = rawTrailers;
    this.setReading(true);
    this.reader?.onEnd(rawTrailers);
  }

  /** Ends an incomplete request: no more content can come. */
  abandon(error: ProxyError): void {
    if (!this.hasEnded) this.reader?.onGone(error);
    this.reader = undefined;
  }
}
