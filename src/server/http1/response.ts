/** A response to a client: the header section as text, and the framed content (RFC 9112 §6, §7.1). */

import type { Socket } from "node:net";

import {
  hasContent,
  toFieldLines,
  toInterimText,
  withUpgradeOption,
} from "../../http/wire/serialize.ts";
import { type Movement, STEPS, createMovement } from "../../runtime/movement.ts";
import { resetTransport } from "../../runtime/reset.ts";
import type { CountUnacknowledged } from "../../runtime/unacknowledged.ts";
import type { ServerRequest, ServerResponse, SwitchedClient } from "../server-handler.ts";
import type { ResponseHeadCache } from "./head-cache.ts";
import { ResponseLifecycle } from "../response-lifecycle.ts";

/** What a request decides about its response. */
export interface ResponseOptions {
  /** Whether the connection may persist. */
  readonly keepAlive: boolean;
  /** Whether the client waits for 100 (Continue). */
  readonly expectsContinue: boolean;
}

/** The part of its connection that a response uses. */
export interface ResponseCarrier {
  /** Carries HTTP. */
  readonly socket: Socket;
  /** The TCP or Unix socket: `socket` itself, or the one below its TLS. */
  readonly transport: Socket;
  /** Ends HTTP on the connection and returns the bytes behind the request. */
  hijack(): Buffer;
}

/** What the responses of a server share. A response keeps the limits that it began with. */
export interface ResponseContext {
  readonly headCache: ResponseHeadCache;
  /** The field lines of a persistent connection. */
  readonly keepAliveLines: string;
  /** How long the client may read nothing while bytes wait for it, in milliseconds; 0 = no limit. */
  readonly idleMs: number;
  readonly countUnacknowledged: CountUnacknowledged;
}

/** The state of a response whose bytes wait for the client. */
interface Stall {
  readonly movement: Movement;
  /** Bytes that waited in Node's queue at the last check. */
  bytes: number;
  /** How many checks in a row found that nothing had moved. */
  steps: number;
}

const NOTHING = Buffer.alloc(0);
const CLOSE = "Connection: close\r\n";

/** Writes a response of HTTP/1.1. Its last bytes have left when the kernel has taken them. */
export class Http1Response extends ResponseLifecycle implements ServerResponse {
  readonly request: Pick<ServerRequest, "method" | "httpVersion">;
  private readonly carrier: ResponseCarrier;
  private readonly socket: Socket;
  private readonly context: ResponseContext;
  private readonly keepAliveLines: string;
  private readonly idleMs: number;
  /** The header section, until it leaves; then empty. */
  private head: string;
  private isChunked: boolean;
  /** The end of the connection ends its content (RFC 9112 §6.3), so a FIN would make it look complete. */
  private endsWithConnection: boolean;
  private trailers: string;
  private stall: Stall | undefined;

  constructor(
    carrier: ResponseCarrier,
    context: ResponseContext,
    request: ServerResponse["request"],
    options: ResponseOptions,
  ) {
    super();
    this.keepAlive = options.keepAlive;
    this.awaitsContinue = options.expectsContinue;
    this.request = request;
    this.carrier = carrier;
    this.socket = carrier.socket;
    this.context = context;
    this.keepAliveLines = context.keepAliveLines;
    this.idleMs = context.idleMs;
    this.head = "";
    this.isChunked = false;
    this.endsWithConnection = false;
    this.trailers = "";
    this.stall = undefined;
  }

  writeHead(status: number, reason: string, fields: readonly string[]): void {
    const { headCache } = this.context;
    const head = headCache.begin(status, reason, fields);
    this.isChunked = head.framing === "chunked";
    this.hasContent = hasContent(this.request.method, status);
    this.endsWithConnection = this.hasContent && head.framing === "close";
    // RFC 9110 §10.1.1: a client that got no 100 may send its content or not, so the next bytes are ambiguous.
    if (this.awaitsContinue || this.endsWithConnection) this.keepAlive = false;
    const lines = this.keepAlive ? this.keepAliveLines : CLOSE;
    this.head = headCache.complete(head, head.hasUpgrade ? withUpgradeOption(lines) : lines);
    this.status = status;
    this.headersSent = true;
  }

  flushHead(): void {
    if (this.head !== "") this.send(this.takeHead());
  }

  writeInterim(status: number, reason: string, fields: readonly string[]): void {
    if (this.isOver || this.headersSent) return;
    if (status === 100) this.awaitsContinue = false;
    this.send(toInterimText(status, reason, fields));
  }

  write(bytes: Buffer | string): boolean {
    const { socket } = this;
    if (this.isOver || this.isEnded) return true;
    const head = this.takeHead();
    if (!this.hasContent || bytes.length === 0) return head === "" || this.send(head);
    this.hasContentBegun = true;
    if (!this.isChunked && head === "") return this.send(bytes);
    // Corked to leave in one segment, and uncorked now: until the end of the turn, the chunk's memory could not be reused.
    socket.cork();
    this.send(this.isChunked ? `${head}${bytes.length.toString(16)}\r\n` : head);
    let takesMore = this.send(bytes);
    if (this.isChunked) takesMore = this.send("\r\n");
    socket.uncork();
    return takesMore;
  }

  isPending(): boolean {
    return this.socket.writableLength > 0;
  }

  addTrailers(trailers: readonly string[]): void {
    this.trailers += toFieldLines(trailers);
  }

  end(text = ""): void {
    if (this.isOver || this.isEnded) return;
    this.isEnded = true;
    let rest = this.takeHead();
    if (this.hasContent) {
      if (!this.isChunked) rest += text;
      else {
        if (text !== "") rest += `${text.length.toString(16)}\r\n${text}\r\n`;
        rest += `0\r\n${this.trailers}\r\n`;
      }
    }
    if (rest !== "") this.send(rest);
    this.finishWhenTaken();
  }

  breakOff(): void {
    if (!this.endBroken()) return;
    this.flushHead();
    this.finishWhenTaken();
  }

  /** Whether only a reset shows that the response is incomplete, because a FIN would complete it. A unix socket has no reset. */
  needsReset(): boolean {
    return this.endsWithConnection && !this.isFinished && this.socket.remoteAddress !== undefined;
  }

  switchProtocol(reason: string, fields: readonly string[]): SwitchedClient {
    const { socket } = this;
    const { countUnacknowledged } = this.context;
    this.status = 101;
    this.headersSent = true;
    this.hasLeft = !socket.destroyed;
    this.isEnded = true;
    socket.write(toInterimText(101, reason, fields), "latin1");
    const early = this.carrier.hijack();
    this.finish();
    return {
      stream: socket,
      early,
      reset: () => resetTransport(this.carrier.transport, socket),
      onReset: () => undefined,
      unacknowledged: () => countUnacknowledged(socket),
    };
  }

  destroy(): void {
    if (this.needsReset()) resetTransport(this.carrier.transport, this.socket);
    else this.socket.destroy();
    this.close();
  }

  override onDrain(): void {
    this.unwatch();
    super.onDrain();
  }

  /**
   * To be called at the socket's `timeout`. Returns whether the client has read nothing for the whole limit. While a slow client still
   * reads, the kernel may take nothing from headgate for seconds.
   */
  isStalled(): boolean {
    const { stall } = this;
    if (stall === undefined) return true;
    const bytes = this.socket.writableLength;
    const hasMoved = stall.movement.check(performance.now()) || bytes !== stall.bytes;
    stall.bytes = bytes;
    stall.steps = hasMoved ? 0 : stall.steps + 1;
    if (stall.steps >= STEPS) return true;
    this.socket.setTimeout(this.idleMs / STEPS);
    return false;
  }

  private finishWhenTaken(): void {
    const { socket } = this;
    if (socket.writableLength === 0) return this.finish();
    this.watch();
    socket.write(NOTHING, () => this.finish()); // calls back when the kernel has taken all bytes before it
  }

  private finish(): void {
    if (this.isOver) return;
    this.unwatch();
    this.isFinished = !this.isBroken && !this.socket.destroyed;
    this.close();
  }

  // The limit applies only while bytes wait for the client. A slow upstream is not the client's fault.
  private watch(): void {
    const { idleMs, socket } = this;
    const { countUnacknowledged } = this.context;
    if (idleMs === 0 || this.stall !== undefined) return;
    const movement = createMovement(() => countUnacknowledged(socket));
    this.stall = { movement, bytes: socket.writableLength, steps: 0 };
    socket.setTimeout(idleMs / STEPS);
  }

  private unwatch(): void {
    if (this.stall !== undefined) this.socket.setTimeout(0);
    this.stall = undefined;
  }

  /** Returns the header section if it has not left yet, or nothing. Node drops what is written to a socket that was destroyed. */
  private takeHead(): string {
    const { head } = this;
    if (head === "") return "";
    this.head = "";
    this.hasLeft = !this.socket.destroyed;
    return head;
  }

  private send(bytes: Buffer | string): boolean {
    const { socket } = this;
    const takesMore =
      typeof bytes === "string" ? socket.write(bytes, "latin1") : socket.write(bytes);
    if (!takesMore) this.watch();
    return takesMore;
  }
}
