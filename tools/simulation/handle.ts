/**
 * The handle of a TCP connection in memory. Node's own `net.Socket` uses it like a kernel handle, so that everything above the system
 * calls is Node's code and not an imitation.
 */

import { loop } from "./loop.ts";

/** The other end of a connection. It may not call headgate synchronously: it acts through the loop. */
export interface Peer {
  /** Bytes that headgate wrote, as latin1, also if they do not fit yet. */
  onWritten(text: string): void;
  /** Bytes that headgate tried to write after a reset. */
  onRefused(text: string): void;
  /** Bytes that the kernel accepted. */
  onBytes(text: string): void;
  onFin(): void;
  /** headgate closed its socket, in order or with a reset. */
  onClosed(how: "orderly" | "reset"): void;
}

interface StreamState {
  readonly kReadBytesOrError: number;
  readonly kArrayBufferOffset: number;
  readonly kBytesWritten: number;
  readonly kLastWriteWasAsync: number;
  /** Exists since Node 24. */
  readonly kLastWriteErr?: number;
  readonly streamBaseState: Int32Array;
}

interface Request {
  oncomplete: ((...args: unknown[]) => void) | undefined;
}

interface Waiting {
  readonly request: Request;
  text: string;
}

type Binding = (name: string) => Record<string, unknown>;
const binding = (process as unknown as { binding: Binding }).binding.bind(process);
const stream = binding("stream_wrap") as unknown as StreamState;
const { TCP } = binding("tcp_wrap") as unknown as { TCP: { prototype: object } };

const END = -4095;
const BROKEN_PIPE = -32;
const RESET = -104;
const READ_BYTES = 64 * 1024;
const CUT_READS = 40;

/** The result of an attempt to connect: a negative error number, or 0. Infinity: never. */
export interface ConnectResult {
  readonly afterMs: number;
  readonly status: number;
  onConnected(handle: MemoryHandle): void;
}

/** Decides about attempts to connect. */
export type Connector = (handle: MemoryHandle, address: string, port: number) => ConnectResult;

/** The network of the process. */
export const network: { dial: Connector; sockets: Set<MemoryHandle> } = {
  dial: () => ({ afterMs: 0, status: -111, onConnected: () => undefined }),
  sockets: new Set(),
};

/** The table of connections in Linux's format: ports in hexadecimal, and the number of unacknowledged bytes. */
export function toConnectionTable(): string {
  const toHex = (number: number, digits: number): string =>
    number.toString(16).toUpperCase().padStart(digits, "0");
  return [...network.sockets]
    .map(
      (one) =>
        ` 0: 0100007F:${toHex(one.local.port, 4)} 010200C0:${toHex(one.remote.port, 4)} 01 ${toHex(one.unsent(), 8)}:00000000`,
    )
    .join("\n");
}

/** The kernel's state of one side of a connection. */
export class MemoryHandle {
  // Properties that Node's code reads or sets.
  onread: ((bytes: ArrayBuffer | undefined) => unknown) | undefined = undefined;
  reading = false;
  fd = -1;
  bytesRead = 0;
  bytesWritten = 0;
  writeQueueSize = 0;
  isStreamBase = true;

  /** The other end, once the connection is established. */
  peer: Peer | undefined = undefined;
  /** The number of bytes that the other side accepts before it is full. */
  room = Infinity;
  /** The approximate size of the first reads. */
  readBytes = READ_BYTES;
  isClosed = false;
  /** The number of bytes that were unread when headgate closed the connection. */
  unreadAtClose = 0;
  /** Whether the peer has sent a FIN, or a reset. */
  isEnded = false;
  isReset = false;
  /** When headgate last read bytes, and when the peer last accepted some, in milliseconds. */
  readMs = 0;
  takenMs = 0;
  /** When bytes were last read before the millisecond of the last read. */
  readBeforeMs = 0;
  /** When the peer last accepted a full write. */
  writtenMs = 0;
  remote = { address: "192.0.2.1", port: 80 };
  local = { address: "127.0.0.1", port: 0 };

  private incoming: Buffer[] = [];
  private reads = 0;
  private isEndRead = false;
  private isReading = false;
  private memory: Uint8Array | undefined = undefined;
  private waiting: Waiting[] = [];
  private shutdownRequest: Request | undefined = undefined;
  private connected: (() => void) | undefined = undefined;

  // --- for the other side --------------------------------------------------------------------------------------------------

  /** Delivers bytes from the peer. */
  receive(text: string): void {
    if (this.isClosed || this.isEnded || this.isReset || text === "") return;
    this.incoming.push(Buffer.from(text, "latin1"));
    loop.post(this);
  }

  receiveEnd(): void {
    if (this.isClosed || this.isReset) return;
    this.isEnded = true;
    loop.post(this);
  }

  receiveReset(): void {
    if (this.isClosed) return;
    this.isReset = true;
    this.room = 0;
    loop.post(this);
  }

  /** The peer has read bytes and has room for more. */
  give(bytes: number): void {
    this.room += bytes;
    if (this.waiting.length > 0) loop.post(this);
  }

  /** The number of bytes that were received and not read. */
  unread(): number {
    return this.incoming.reduce((sum, { length }) => sum + length, 0);
  }

  /** The number of bytes that the kernel has not accepted yet. */
  unsent(): number {
    return this.waiting.reduce((sum, { text }) => sum + text.length, 0);
  }

  isPaused(): boolean {
    return !this.isReading;
  }

  // --- the poll phase ------------------------------------------------------------------------------------------------------

  poll(): void {
    if (this.connected !== undefined) {
      const { connected } = this;
      this.connected = undefined;
      connected();
      return;
    }
    if (this.isClosed) return;
    this.read();
    if (!this.isClosed) this.write();
    if (!this.isClosed) this.finish();
  }

  // oxlint-disable-next-line complexity -- what the kernel may say, in its order
  private read(): void {
    if (!this.isReading || this.isEndRead) return;
    if (this.incoming.length > 0) {
      // Cuts are useful at the start of messages; a download in single bytes would only take time.
      this.reads += 1;
      const isCut = this.readBytes < READ_BYTES && this.reads <= CUT_READS;
      const max = Math.min(
        isCut ? 1 + loop.below(2 * this.readBytes) : READ_BYTES,
        this.memory?.length ?? READ_BYTES,
      );
      const bytes = this.takeIncoming(max);
      if (this.readMs !== loop.nowMs) this.readBeforeMs = this.readMs;
      this.readMs = loop.nowMs;
      this.bytesRead += bytes.length;
      this.deliver(bytes.length, bytes);
      if (this.isClosed || !this.isReading) return;
      if (this.incoming.length > 0) return loop.post(this);
      // libuv continues reading if the kernel reports a hang-up, and reports a reset as an end.
      if ((this.isEnded || this.isReset) && loop.chance(0.7)) return this.deliverEnd(END);
      if (this.isEnded || this.isReset) loop.post(this);
      return;
    }
    if (this.isReset) this.deliverEnd(RESET);
    else if (this.isEnded) this.deliverEnd(END);
  }

  private takeIncoming(max: number): Buffer {
    const [first = Buffer.alloc(0), ...others] = this.incoming;
    const joined =
      first.length >= max || others.length === 0 ? first : Buffer.concat(this.incoming);
    const rest = joined === first ? others : [];
    this.incoming = joined.length > max ? [joined.subarray(max), ...rest] : rest;
    return joined.subarray(0, max);
  }

  private deliver(length: number, bytes: Buffer): void {
    stream.streamBaseState[stream.kReadBytesOrError] = length;
    stream.streamBaseState[stream.kArrayBufferOffset] = 0;
    if (this.memory === undefined) {
      const copy = new Uint8Array(length);
      copy.set(bytes);
      this.onread?.(copy.buffer);
    } else {
      this.memory.set(bytes);
      // The return value is the memory for the next read.
      const next = this.onread?.(undefined);
      if (next instanceof Uint8Array) this.memory = next;
    }
  }

  private deliverEnd(status: number): void {
    this.isEndRead = true;
    stream.streamBaseState[stream.kReadBytesOrError] = status;
    stream.streamBaseState[stream.kArrayBufferOffset] = 0;
    this.onread?.(undefined);
  }

  private write(): void {
    for (let [first] = this.waiting; first !== undefined; [first] = this.waiting) {
      if (this.isReset) {
        this.waiting.shift();
        first.request.oncomplete?.(RESET, this, undefined);
        if (this.isClosed) return;
        continue;
      }
      first.text = this.pass(first.text);
      if (first.text !== "") return;
      this.waiting.shift();
      this.writtenMs = loop.nowMs;
      first.request.oncomplete?.(0, this, undefined);
      if (this.isClosed) return;
    }
  }

  private finish(): void {
    const { shutdownRequest } = this;
    if (shutdownRequest === undefined || this.waiting.length > 0) return;
    this.shutdownRequest = undefined;
    if (!this.isReset) this.peer?.onFin();
    shutdownRequest.oncomplete?.(this.isReset ? -107 : 0);
  }

  /** Passes on as many bytes as fit, and returns the rest. */
  private pass(text: string): string {
    const length = Math.min(text.length, this.room);
    if (length === 0) return text;
    this.room -= length;
    this.takenMs = loop.nowMs;
    this.peer?.onBytes(length === text.length ? text : text.slice(0, length));
    this.writeQueueSize = this.unsent();
    return text.slice(length);
  }

  // --- for Node's socket ---------------------------------------------------------------------------------------------------

  connect(request: Request, address: string, port: number): number {
    const { afterMs, status, onConnected } = network.dial(this, address, port);
    network.sockets.add(this);
    this.remote = { address, port };
    if (afterMs === Infinity) return 0;
    loop.at(afterMs, () => {
      this.connected = () => {
        if (this.isClosed) return;
        this.readMs = loop.nowMs;
        this.takenMs = loop.nowMs;
        if (status === 0) onConnected(this);
        request.oncomplete?.(status, this, request, true, true);
        if (this.unread() > 0 || this.isEnded || this.isReset) loop.post(this);
      };
      loop.post(this);
    });
    return 0;
  }

  connect6(request: Request, address: string, port: number): number {
    return this.connect(request, address, port);
  }

  readStart(): number {
    this.isReading = true;
    if (this.unread() > 0 || this.isEnded || this.isReset) loop.post(this);
    return 0;
  }

  readStop(): number {
    this.isReading = false;
    return 0;
  }

  useUserBuffer(memory: Uint8Array): void {
    this.memory = memory;
  }

  writeLatin1String(request: Request | null, text: string): number | Request {
    return this.accept(request, text);
  }

  writeUtf8String(request: Request | null, text: string): number | Request {
    return this.accept(request, Buffer.from(text, "utf8").toString("latin1"));
  }

  writeAsciiString(request: Request | null, text: string): number | Request {
    return this.accept(request, text);
  }

  writeBuffer(request: Request | null, bytes: Buffer): number | Request {
    return this.accept(request, bytes.toString("latin1"));
  }

  writev(request: Request | null, chunks: unknown[], isAllBuffers: unknown): number | Request {
    let text = "";
    if (isAllBuffers === true)
      for (const bytes of chunks as Buffer[]) text += bytes.toString("latin1");
    else
      for (let index = 0; index < chunks.length; index += 2) {
        const chunk = chunks[index] as Buffer | string;
        const encoding = chunks[index + 1] as BufferEncoding;
        text += (typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk).toString(
          "latin1",
        );
      }
    return this.accept(request, text);
  }

  private accept(request: Request | null, text: string): number | Request {
    const { streamBaseState: state, kBytesWritten, kLastWriteWasAsync } = stream;
    state[kBytesWritten] = text.length;
    state[kLastWriteWasAsync] = 0;
    if (this.isReset) this.peer?.onRefused(text);
    if (this.isReset) return this.unreadBytes() > 0 ? RESET : BROKEN_PIPE;
    this.bytesWritten += text.length;
    this.peer?.onWritten(text);
    const rest = this.waiting.length > 0 ? text : this.pass(text);
    if (rest === "") {
      this.writtenMs = loop.nowMs;
      return 0;
    }
    state[kLastWriteWasAsync] = 1;
    // Node 24 passes no request; it expects one as the result if the write continues.
    const own = request === null ? { oncomplete: undefined, writeStatus: null } : request;
    if (stream.kLastWriteErr !== undefined) state[stream.kLastWriteErr] = 0;
    this.waiting.push({ request: own, text: rest });
    this.writeQueueSize = this.unsent();
    return request === null ? own : 0;
  }

  private unreadBytes(): number {
    return this.incoming.length;
  }

  shutdown(request: Request): number {
    this.shutdownRequest = request;
    loop.post(this);
    return 0;
  }

  close(callback?: () => void): void {
    this.end("orderly", callback);
  }

  reset(callback?: () => void): number {
    this.end("reset", callback);
    return 0;
  }

  private end(how: "orderly" | "reset", callback: (() => void) | undefined): void {
    if (this.isClosed) return;
    this.isClosed = true;
    network.sockets.delete(this);
    this.unreadAtClose = this.isReading ? 0 : this.unread();
    // If unread bytes are left at a close, the kernel sends a reset.
    if (!this.isReset) this.peer?.onClosed(this.unread() > 0 ? "reset" : how);
    this.incoming = [];
    this.waiting = [];
    if (callback !== undefined) loop.closeLater(callback);
  }

  getpeername(out: Record<string, unknown>): number {
    Object.assign(out, this.remote, { family: "IPv4" });
    return 0;
  }

  getsockname(out: Record<string, unknown>): number {
    Object.assign(out, this.local, { family: "IPv4" });
    return 0;
  }

  getAsyncId(): number {
    return 1;
  }

  setNoDelay(): number {
    return 0;
  }

  setKeepAlive(): number {
    return 0;
  }

  ref(): void {}

  unref(): void {}

  hasRef(): boolean {
    return true;
  }
}

// Node calls `reset` only on a TCP handle.
Object.setPrototypeOf(MemoryHandle.prototype, TCP.prototype);
