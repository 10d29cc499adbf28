/** A request on a connection, and its content on the way to whoever reads it. */

import type { ProxyError } from "../http/errors.ts";
import type { RequestFields } from "../http/request-fields.ts";
import type { ParsedRequest } from "../http/wire/request-parser.ts";
import { NO_TRAILERS } from "../http/trailers.ts";
import type { ClientPeer, ServerRequest, RequestReader } from "./exchange.ts";

/** Has the connection read on, or not. */
type SetReading = (isReading: boolean) => void;

// What comes before anybody reads; beyond it the client is held up.
const MAX_EARLY_BYTES = 64 * 1024;

/** A class because there is one for each exchange: closures would cost a twentieth of it. */
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

  /** A piece of its content. */
  push(bytes: Buffer): void {
    if (this.isDropped) return;
    if (this.reader !== undefined) return this.reader.onChunk(bytes);
    (this.early ??= []).push(bytes);
    this.earlyBytes += bytes.length;
    if (this.earlyBytes > MAX_EARLY_BYTES) this.setReading(false);
  }

  /** It is whole. */
  end(rawTrailers: readonly string[]): void {
    this.hasEnded = true;
    this.trailers = rawTrailers;
    this.setReading(true);
    this.reader?.onEnd(rawTrailers);
  }

  /** No more of it can come. */
  abandon(error: ProxyError): void {
    if (!this.hasEnded) this.reader?.onGone(error);
    this.reader = undefined;
  }
}
