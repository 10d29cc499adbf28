/** Sockets to a backend. The door of node:net and node:tls for outgoing connections. */

import { type Socket, connect } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";

import type { UpstreamConfig } from "../config/schema.ts";
import { ProxyError } from "../http/errors.ts";
import { type ReadMemory, createReadMemory } from "../upstream/read-memory.ts";
import type { Gather } from "./gather.ts";

/** One connection, as bytes. */
export interface Link {
  /** Holds what is written in this turn back to its end. */
  gather(): void;
  /** False where `onDrain` is to be awaited before more is written. Text is latin1. */
  write(bytes: string | Uint8Array): boolean;
  pause(): void;
  resume(): void;
  /** Whether further reads go into memory of this connection's own, for content that is to be kept. */
  readOwn(isOwn: boolean): void;
  /** Whether the bytes that `onRead` lends at the moment are in such memory. */
  readsOwn(): boolean;
  /** Those bytes are the caller's from now on. */
  take(): void;
  /** Whether the upstream does not take what was written. */
  isStuck(): boolean;
  /** Calls back where the end that `onEnd` told of was no reset; of a reset, `onClosed` tells. */
  confirmEnd(onInOrder: () => void): void;
  destroy(): void;
}

/** What happens to it. `onClosed` comes once and last; nothing comes after `destroy`. */
export interface LinkEvents {
  onConnected(): void;
  /** `bytes` up to `length` are lent until this returns. */
  onRead(bytes: Buffer, length: number): void;
  onDrain(): void;
  /** The upstream has sent all that it will. */
  onEnd(): void;
  /** With the error that broke it, if that is what happened. */
  onClosed(error: Error | undefined): void;
}

/** Opens a connection. Its name is resolved anew each time, so that a backend that came back elsewhere is found. */
export type Dial = (events: LinkEvents) => Link;

// libuv reports a reset that comes together with data as an end in order. The kernel knows better, and tells whoever writes, be
// it nothing.
const NOTHING = Buffer.alloc(0);

/** Prepares for the connections to one upstream. */
export function createDial(upstream: UpstreamConfig, gather: Gather): Dial {
  // All connections read into the same memory, one after the other: whoever wants to keep a byte copies it. A buffer for each
  // read, as node's streams have it, is 64 KiB of garbage for an answer of two hundred bytes.
  const shared = createReadMemory();
  return (events) => {
    let isOver = false;
    let isOwn = false;
    let current: ReadMemory = shared;
    let isTaken = false;
    const onread = {
      // Node asks for each read, and once more for each handle: a name with several addresses gets a new one for each attempt.
      // Memory is returned every time, because only a handle that was given some reads into it.
      buffer(): Buffer {
        if (!isOwn) current = shared;
        else if (current === shared || isTaken) current = createReadMemory();
        isTaken = false;
        current.arm();
        return current.bytes;
      },
      callback(length: number, bytes: Uint8Array): boolean {
        if (isOver) return true;
        if (bytes === current.bytes && current.isDelivered(length))
          events.onRead(current.bytes, length);
        else socket.destroy(notDelivered());
        return true;
      },
    };
    const socket = open(upstream, onread);
    const timer = setTimeout(
      () => socket.destroy(new ProxyError("connection_timeout")),
      upstream.connectTimeout,
    );
    let failure: Error | undefined;
    socket
      .once(upstream.url.protocol === "https:" ? "secureConnect" : "connect", () => {
        clearTimeout(timer);
        if (!isOver) events.onConnected();
      })
      .on("drain", () => isOver || events.onDrain())
      .on("end", () => isOver || events.onEnd())
      .on("error", (error) => (failure = error))
      .once("close", () => {
        clearTimeout(timer);
        if (!isOver) events.onClosed(failure);
      });
    return {
      gather() {
        socket.cork();
        gather(() => socket.uncork());
      },
      write: (bytes) =>
        typeof bytes === "string" ? socket.write(bytes, "latin1") : socket.write(bytes),
      pause: () => void socket.pause(),
      resume: () => void socket.resume(),
      readOwn(next) {
        isOwn = next;
      },
      readsOwn: () => current !== shared,
      take() {
        isTaken = true;
      },
      isStuck: () => socket.writableNeedDrain,
      confirmEnd(onInOrder) {
        // Behind an upload that is stuck nothing would be written either.
        if (socket.writableLength > 0) return onInOrder();
        socket.write(NOTHING, (error) => {
          if (!isOver && !(error instanceof Error)) onInOrder();
        });
      },
      destroy() {
        isOver = true;
        socket.destroy();
      },
    };
  };
}

/** Whether a path leads to no listener. It may be a socket that a killed process left behind, and just as well no socket. */
export function isAbandoned(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once("error", (error) => resolve("code" in error && error.code === "ECONNREFUSED"));
    socket.once("connect", () => {
      socket.destroy();
      resolve(false);
    });
  });
}

interface OnRead {
  buffer(): Uint8Array;
  callback(length: number, bytes: Uint8Array): boolean;
}

/** What was read is lost, and what stands in its place is another exchange's. */
function notDelivered(): ProxyError {
  return new ProxyError("proxy_internal_error", {
    status: 502,
    title: "What the upstream sent was not delivered by the platform",
  });
}

function open({ url, tls }: UpstreamConfig, onread: OnRead): Socket {
  const place =
    url.socketPath === undefined ? { host: url.host, port: url.port } : { path: url.socketPath };
  const common = {
    ...place,
    onread,
    allowHalfOpen: true, // node closes its own side otherwise before anybody could ask how the other one ended
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 60_000,
  };
  if (url.protocol !== "https:") return connect(common);
  const { ca, cert, key, verify, serverName = url.host } = tls ?? {};
  const options: ConnectionOptions = {
    ...common,
    ca,
    cert,
    key,
    rejectUnauthorized: verify ?? true,
    // SNI follows the upstream's name, never the Host field. RFC 6066 §3: an address is not a server name.
    servername: /^[\d.]+$|:/.test(serverName) ? "" : serverName,
    ALPNProtocols: ["http/1.1"],
  };
  return connectTls(options);
}
