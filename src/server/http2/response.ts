/** A response on a stream of HTTP/2 (RFC 9113 §8.1). */

import type { ServerHttp2Stream } from "node:http2";

import { ProxyError } from "../../http/errors.ts";
import { hasContent } from "../../http/wire/serialize.ts";
import type { ServerRequest, ServerResponse, SwitchedClient } from "../server-handler.ts";
import { ResponseLifecycle } from "../response-lifecycle.ts";
import { type StreamFields, toStreamFields } from "./stream-fields.ts";
import { toAcceptedFields } from "./web-socket.ts";

/** What a request decides about its response, and what its connection knows. */
export interface StreamOptions {
  /** Whether the client waits for 100 (Continue). */
  readonly expectsContinue: boolean;
  /** The key of the upgrade that headgate requests for an extended CONNECT; undefined for other requests. */
  readonly webSocketKey: string | undefined;
  /** How long the client may read nothing while bytes wait for it, in milliseconds; 0 = no limit. */
  readonly idleMs: number;
  /** Bytes that left on the connection and that the client has not acknowledged. */
  unacknowledged(): number | undefined;
}

/** The state of a response whose bytes wait for the client. */
interface Stall {
  readonly bytes: number;
  readonly sinceMs: number;
  /** How many checks found that nothing had moved. */
  checks: number;
}

/** A limit is exceeded only after so many checks: one of them may come after a time in which this process stood still. */
const MIN_CHECKS = 2;

const NOTHING = Buffer.alloc(0);
const NO_ERROR = 0;

/** Writes a response of HTTP/2. Its last bytes have left when Node has given them to the socket. */
export class StreamResponse extends ResponseLifecycle implements ServerResponse {
  /** Whether its stream became a tunnel. */
  isSwitched = false;
  /** Whether headgate reset its stream. */
  isReset = false;
  readonly request: Pick<ServerRequest, "method" | "httpVersion" | "fields">;
  private readonly stream: ServerHttp2Stream;
  private readonly options: StreamOptions;
  /** The header section, until it leaves. */
  private head: StreamFields | undefined;
  /** The length of the content is open, and the client takes trailers. */
  private mayHaveTrailers = false;
  private trailers: readonly string[] = [];
  private stall: Stall | undefined;

  constructor(
    stream: ServerHttp2Stream,
    request: Pick<ServerRequest, "method" | "httpVersion" | "fields">,
    options: StreamOptions,
  ) {
    super(); // its keepAlive has no meaning: streams end, and the connection goes on
    this.awaitsContinue = options.expectsContinue;
    this.stream = stream;
    this.request = request;
    this.options = options;
    stream.on("drain", () => this.onDrain());
    stream.on("wantTrailers", () => this.sendTrailers());
    // Until the content is read, only `aborted` shows a reset without an error. Next turn, because nghttp2 is reading frames now.
    stream.once("aborted", () => setImmediate(() => this.onClosed()));
    stream.once("close", () => this.onClosed());
  }

  writeHead(status: number, _reason: string, fields: readonly string[]): void {
    // node:http2 refuses statuses that RFC 9110 §15 does not define. A 2xx would open the WebSocket (RFC 8441 §5) that the upstream refused.
    if (status < 200 || status > 599) throw new ProxyError("http_protocol_error");
    if (this.options.webSocketKey !== undefined && status < 300)
      throw new ProxyError("http_upgrade_failed");
    const head = toStreamFields(fields);
    // RFC 9110 §15.3.6: a 205 has no content, and node:http2 sends none.
    this.hasContent = hasContent(this.request.method, status) && status !== 205;
    if (status === 205) delete head["content-length"];
    this.mayHaveTrailers =
      this.hasContent && head["content-length"] === undefined && this.request.fields.takesTrailers;
    head[":status"] = String(status);
    this.head = head;
    this.status = status;
    this.headersSent = true;
  }

  flushHead(): void {
    if (this.head !== undefined) this.respond(this.hasContent ? "follows" : "none");
  }

  writeInterim(status: number, _reason: string, fields: readonly string[]): void {
    if (this.isOver || this.headersSent || !this.isOpen()) return;
    if (status === 100) this.awaitsContinue = false;
    const section = toStreamFields(fields);
    section[":status"] = String(status);
    this.attempt(() => this.stream.additionalHeaders(section));
  }

  write(bytes: Buffer | string): boolean {
    if (this.isOver || this.isEnded) return true;
    this.flushHead();
    if (!this.hasContent || bytes.length === 0 || !this.isOpen()) return true;
    this.hasContentBegun = true;
    return typeof bytes === "string"
      ? this.stream.write(bytes, "latin1")
      : this.stream.write(bytes);
  }

  isPending(): boolean {
    return this.stream.writableLength > 0;
  }

  addTrailers(trailers: readonly string[]): void {
    if (this.mayHaveTrailers) this.trailers = [...this.trailers, ...trailers];
  }

  end(text = ""): void {
    if (this.isOver || this.isEnded) return;
    this.isEnded = true;
    const isEmpty = !this.hasContent || (text === "" && this.trailers.length === 0);
    if (this.head !== undefined) this.respond(isEmpty ? "none" : "follows");
    else if (this.hasContent) return this.endContent(text);
    if (isEmpty) setImmediate(() => this.finish());
    else this.endContent(text);
  }

  breakOff(): void {
    if (!this.endBroken()) return;
    this.flushHead();
    if (!this.hasContent || !this.isOpen()) return this.finish();
    this.stream.write(NOTHING, () => {
      this.reset();
      this.finish();
    });
  }

  switchProtocol(_reason: string, fields: readonly string[]): SwitchedClient {
    const { stream } = this;
    const { webSocketKey } = this.options;
    if (webSocketKey === undefined) throw new ProxyError("http_upgrade_failed");
    const accepted = toStreamFields(toAcceptedFields(webSocketKey, fields));
    this.head = Object.assign(accepted, { ":status": "200" });
    this.status = 101;
    this.headersSent = true;
    this.respond("follows");
    this.isEnded = true;
    this.isSwitched = true;
    stream.pause(); // otherwise the tunnel's first listener would start the flow before the other side is joined
    this.finish();
    // http-proxy calls these on each socket. The other side's failure also ends this one (proxy/tunnel.ts).
    const client = Object.assign(stream, {
      setNoDelay: () => stream,
      setKeepAlive: () => stream,
      destroySoon: () => undefined,
    });
    const { unacknowledged } = this.options;
    return {
      stream: client,
      early: NOTHING,
      reset: () => this.reset(),
      // Before `end`, which Node emits for a reset too, and which would reach the upstream as an orderly end.
      onReset: (listener) => void stream.prependOnceListener("aborted", listener),
      unacknowledged,
    };
  }

  destroy(): void {
    this.reset();
    this.close();
  }

  /**
   * To be called often. Resets a stream whose client has read nothing of the waiting bytes for the whole limit. `hasMoved`: whether the
   * client has certainly read some of them.
   */
  check(nowMs: number, hasMoved: boolean): void {
    const { idleMs } = this.options;
    const bytes = this.stream.writableLength;
    if (idleMs === 0 || bytes === 0 || this.isOver) {
      this.stall = undefined;
      return;
    }
    if (hasMoved || bytes !== this.stall?.bytes) {
      this.stall = { bytes, sinceMs: nowMs, checks: 0 };
      return;
    }
    this.stall.checks += 1;
    if (this.stall.checks >= MIN_CHECKS && nowMs - this.stall.sinceMs >= idleMs) this.destroy();
  }

  private respond(content: "none" | "follows"): void {
    const { head } = this;
    this.head = undefined;
    if (head === undefined || !this.isOpen()) return;
    const waitForTrailers = content === "follows" && this.mayHaveTrailers;
    const endStream = content === "none";
    this.attempt(() => this.stream.respond(head, { endStream, waitForTrailers }));
    this.hasLeft = this.isOpen();
  }

  private endContent(text: string): void {
    if (!this.isOpen()) return;
    this.stream.end(text, "latin1", () => this.finish());
  }

  private sendTrailers(): void {
    if (this.isOpen()) this.attempt(() => this.stream.sendTrailers(toStreamFields(this.trailers)));
  }

  /** Sends frames. If node:http2 throws, the stream ends, and not the process: no caller may be there to catch the error. */
  private attempt(send: () => void): void {
    try {
      send();
    } catch (error) {
      this.isReset = true;
      this.stream.destroy(error as Error);
    }
  }

  /**
   * Resets the stream with INTERNAL_ERROR. `close` would not do: it ends the writable side first, and Node then sends END_STREAM before
   * RST_STREAM, so that a broken response would look complete.
   */
  private reset(): void {
    if (!this.isOpen()) return;
    this.isReset = true;
    this.stream.destroy(new Error("headgate broke off the stream"));
  }

  private isOpen(): boolean {
    return !this.stream.destroyed && !this.stream.closed;
  }

  private onClosed(): void {
    if (this.isOver) return;
    // Node closes the stream without an error only after its last frame has left.
    this.isFinished =
      this.isEnded && !this.isBroken && this.hasLeft && this.stream.rstCode === NO_ERROR;
    this.close();
  }

  private finish(): void {
    if (this.isOver) return;
    this.isFinished = !this.isBroken && this.hasLeft;
    this.close();
  }
}
