/** Replaces `node:net` in the bundled sources: Node's own sockets over handles in memory. */

import { EventEmitter } from "node:events";
import { Socket as NodeSocket, type SocketConstructorOpts } from "node:net";

import { MemoryHandle } from "./handle.ts";
import { type VirtualTimer } from "./loop.ts";

export { isIP } from "node:net";

type Options = SocketConstructorOpts & { handle?: MemoryHandle };

/** Node's socket with a handle in memory and the loop's timer. */
export class Socket extends NodeSocket {
  private idle: VirtualTimer | undefined;

  constructor(options: Options = {}) {
    const handle = options.handle ?? new MemoryHandle();
    super({ ...options, handle, manualStart: options.handle === undefined } as Options);
  }

  override setTimeout(delayMs: number, listener?: () => void): this {
    if (this.destroyed) return this;
    (this as { timeout?: number }).timeout = delayMs;
    clearTimeout(this.idle as never);
    this.idle = undefined;
    if (delayMs === 0) {
      if (listener !== undefined) this.removeListener("timeout", listener);
      return this;
    }
    this.idle = setTimeout(() => this.onIdle(), delayMs) as unknown as VirtualTimer;
    if (listener !== undefined) this.once("timeout", listener);
    return this;
  }

  private onIdle(): void {
    this.idle = undefined;
    (this as unknown as { _onTimeout(): void })._onTimeout(); // oxlint-disable-line no-underscore-dangle
  }

  // Node marks activity by calling this method.
  _unrefTimer(): void {
    if (this.idle !== undefined) this.idle.refresh();
    else if ((this.timeout ?? 0) > 0 && !this.destroyed)
      this.idle = setTimeout(() => this.onIdle(), this.timeout) as unknown as VirtualTimer;
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    clearTimeout(this.idle as never);
    this.idle = undefined;
    super._destroy(error, callback); // oxlint-disable-line no-underscore-dangle
  }
}

/** A listening socket in memory. */
export class MemoryServer extends EventEmitter {
  maxConnections = Infinity;
  private readonly options: { allowHalfOpen?: boolean; highWaterMark?: number };
  private readonly open = new Set<Socket>();
  private isListening = true;
  private onClosed: (() => void) | undefined;

  constructor(
    options: { allowHalfOpen?: boolean; highWaterMark?: number },
    onConnection: (socket: Socket) => void,
  ) {
    super();
    this.options = options;
    this.on("connection", onConnection);
    network.server = this;
  }

  /** Begins to listen, at no address of its own. */
  listen(_options: object, callback: () => void): this {
    process.nextTick(callback);
    return this;
  }

  address(): { readonly family: string; readonly address: string; readonly port: number } {
    return { family: "IPv4", address: "127.0.0.1", port: 80 };
  }

  /** Accepts a client's connection. False if it was rejected. */
  accept(handle: MemoryHandle): boolean {
    if (!this.isListening || this.open.size >= this.maxConnections) {
      handle.close();
      return false;
    }
    const { allowHalfOpen = false, highWaterMark } = this.options;
    const socket = new Socket({
      handle,
      allowHalfOpen,
      readableHighWaterMark: highWaterMark,
      writableHighWaterMark: highWaterMark,
    } as Options);
    this.open.add(socket);
    socket.once("close", () => {
      this.open.delete(socket);
      this.endIfDone();
    });
    this.emit("connection", socket);
    return true;
  }

  close(callback: () => void): this {
    this.isListening = false;
    this.onClosed = callback;
    this.endIfDone();
    return this;
  }

  private endIfDone(): void {
    if (this.isListening || this.open.size > 0 || this.onClosed === undefined) return;
    process.nextTick(this.onClosed);
    this.onClosed = undefined;
  }
}

/** The server that was created last. */
export const network: { server: MemoryServer | undefined } = { server: undefined };

/** Replaces Node's `net.createServer`. */
export function createServer(
  options: { allowHalfOpen?: boolean; highWaterMark?: number },
  onConnection: (socket: Socket) => void,
): MemoryServer {
  return new MemoryServer(options, onConnection);
}

/** Replaces Node's `net.connect`, which is only used to check for a listener on a unix socket. */
export function connect(): never {
  throw new Error("no unix sockets here");
}
