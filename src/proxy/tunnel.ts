/** Two sides that speak a protocol of their own, joined by http-proxy. Its door. */

import type { ProxyServer } from "http-proxy";
import type { ClientRequest, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";

import { ProxyError, toProxyError } from "../http/errors.ts";
import { reset } from "../runtime/reset.ts";
import type { SwitchedSocket } from "../upstream/switched-socket.ts";
import { createWatchdog } from "../upstream/watchdog.ts";

/** The two sides after a 101. */
export interface TunnelSides {
  /** Taken off HTTP and paused; its 101 is written. */
  readonly client: Socket;
  /** What the client sent behind its request. */
  readonly early: Buffer;
  readonly upstream: SwitchedSocket;
  readonly limits: TunnelLimits;
}

/** How long a tunnel may rest, in milliseconds; 0 = for ever. */
export interface TunnelLimits {
  /** Without a byte in either direction. */
  readonly idleMs: number;
  /** The same while bytes wait for a side: of what a slow reader takes, the kernel tells in large steps only. */
  readonly stuckMs: number;
}

/** All tunnels of one process. */
export interface Tunnels {
  /**
   * Keeps a place for one that is asked for; what comes back gives it up. Throws a ProxyError (503) where `max` are open or
   * asked for.
   */
  enter(max: number): () => void;
  /** Joins two sides and resolves when both are closed, with the error of the side that broke. */
  run(sides: TunnelSides): Promise<ProxyError | undefined>;
  /** Open tunnels. */
  count(): number;
  /** Ends them all at once. */
  closeAll(): void;
}

/** Creates the one owner of all tunnels. */
export function createTunnels(): Tunnels {
  const open = new Set<() => void>();
  let places = 0;
  let join: Promise<Join> | undefined;
  return {
    enter(max) {
      if (places >= max)
        throw new ProxyError("connection_limit_reached", { title: "Too many tunnels" });
      places += 1;
      return () => void (places -= 1);
    },
    run(sides) {
      // Loaded at the first upgrade: most services never see one, and it would be a twentieth of the time until headgate is ready.
      join ??= loadJoin();
      return runTunnel(join, sides, open);
    },
    count: () => open.size,
    closeAll() {
      for (const close of open) close();
    },
  };
}

async function runTunnel(
  loading: Promise<Join>,
  { client, early, upstream: switched, limits }: TunnelSides,
  open: Set<() => void>,
): Promise<ProxyError | undefined> {
  const upstream = new UpgradedStream(switched);
  let isOver = false;
  let error: ProxyError | undefined;
  const finish = (broken?: ProxyError): void => {
    if (!isOver) error = broken;
    isOver = true;
    if (broken === undefined) {
      client.destroy();
      upstream.destroy();
    } else {
      reset(client);
      upstream.reset();
    }
  };
  const close = (): void => finish();
  open.add(close);
  // At once: behind an end that comes while http-proxy is being loaded, the stream would take nothing more.
  client.unshift(early);
  let movedMs = performance.now();
  const idle = createWatchdog(() => {
    const isWaiting = client.writableLength > 0 || upstream.writableLength > 0;
    return movedMs + (isWaiting ? toStuckMs(limits) : toMs(limits.idleMs));
  }, close);
  idle.watch();
  const onMoved = (): void => {
    movedMs = performance.now();
    idle.watch();
  };
  const closed = Promise.all([
    watch(client, (cause) => finish(toBroken("client_gone", cause))),
    watch(upstream, (cause) => finish(toBroken("connection_terminated", cause))),
  ]);
  try {
    const join = await loading;
    if (!isOver) {
      join(client, upstream);
      for (const side of [client, upstream]) side.on("data", onMoved).on("drain", onMoved);
    }
    await closed;
  } catch (cause) {
    finish(toProxyError(cause));
    await closed;
  } finally {
    idle.stop();
    open.delete(close);
  }
  return error;
}

function toStuckMs({ idleMs, stuckMs }: TunnelLimits): number {
  return Math.max(toMs(idleMs), toMs(stuckMs));
}

function toMs(limitMs: number): number {
  return limitMs === 0 ? Infinity : limitMs;
}

function toBroken(code: "client_gone" | "connection_terminated", error: unknown): ProxyError {
  const side = code === "client_gone" ? "client" : "upstream";
  const cause = error instanceof ProxyError ? error.cause : error;
  return new ProxyError(code, { title: `The ${side} broke off the tunnel`, cause });
}

/** Resolves when a side is closed. Calls `lost` where that is not because both directions came to their end. */
function watch(side: Duplex, lost: (cause: unknown) => void): Promise<void> {
  return new Promise((resolve) => {
    const closed = (): void => {
      if (!side.readableEnded || !side.writableFinished) lost(undefined);
      resolve();
    };
    if (side.closed) return closed();
    // Before http-proxy's own listener: that ends the other side, whose reset then comes too late.
    side.prependListener("error", lost);
    side.once("close", closed);
  });
}

/** Joins the sides. */
type Join = (client: Socket, upstream: UpgradedStream) => void;

/** What http-proxy believes it forwards: its check knows GET and websocket only. The request itself went out before. */
const STAND_IN = {
  method: "GET",
  url: "/",
  headers: { connection: "Upgrade", upgrade: "websocket" },
};

const NOTHING = Buffer.alloc(0);

const SWITCHED =
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

async function loadJoin(): Promise<Join> {
  const { createProxyServer } = await import("http-proxy");
  const proxy = createProxyServer();
  // http-proxy throws what has no listener. Whatever it may report is seen on the two sides as well.
  proxy.on("error", () => undefined);
  return (client, upstream) => joinSides(proxy, client, upstream);
}

/**
 * Has http-proxy ask for an upgrade on a stream that answers 101 itself, and then tie the two together.
 *
 * The request and its 101 went over the pool's connection already. What http-proxy writes on its own account, a 101 with joined
 * fields in lower case, is kept back.
 */
function joinSides(proxy: ProxyServer, client: Socket, upstream: UpgradedStream): void {
  const options = {
    method: "GET",
    path: "/",
    headers: STAND_IN.headers,
    agent: undefined,
    createConnection: () => upstream,
  };
  const sent: ClientRequest[] = [];
  proxy.once("proxyReqWs", (outgoing) => void sent.push(outgoing));
  proxy.ws(STAND_IN as unknown as IncomingMessage, client, NOTHING, {
    target: { protocol: "http:", host: "upstream", port: 80 },
    // The object that http-proxy completes and gives to Node as the request's options.
    ssl: pin(options),
  });
  const [outgoing] = sent;
  const join = outgoing?.listeners("upgrade")[0];
  // An http-proxy that does this in another way: the tunnel fails, and visibly.
  if (outgoing === undefined || join === undefined) throw new ProxyError("proxy_internal_error");
  outgoing.removeAllListeners("upgrade");
  outgoing.once("upgrade", (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
    const write = client.write;
    client.write = () => true;
    join.call(outgoing, incoming, socket, head);
    client.write = write;
    upstream.carry();
  });
}

/** Options that keep their values: http-proxy sets an agent and another path. */
function pin(options: object): object {
  const pinned = {};
  for (const [name, value] of Object.entries(options)) {
    Object.defineProperty(pinned, name, {
      enumerable: true,
      get: (): unknown => value,
      set: () => {},
    });
  }
  return pinned;
}

/** The upstream's side as a stream: first it answers the stand-in's request with 101, then it carries the bytes. */
class UpgradedStream extends Duplex {
  private readonly switched: SwitchedSocket;
  private isCarrying = false;
  private isReset = false;
  private hasEnded = false;
  private written: (() => void) | undefined;

  constructor(switched: SwitchedSocket) {
    super({ allowHalfOpen: true });
    this.switched = switched;
    switched.read({
      onBytes: (bytes) => {
        if (!this.push(bytes)) switched.pause();
      },
      onEnd: () => {
        this.hasEnded = true;
        if (this.isCarrying) this.endReading();
      },
      onDrain: () => this.settleWrite(),
      onClosed: (error) => this.destroy(error),
    });
    this.once("end", () => {
      if (switched.isWriteBroken()) this.breakOff();
    });
  }

  /** From here on bytes flow, those that came with the 101 first. */
  carry(): void {
    this.isCarrying = true;
    const { first } = this.switched;
    const takesMore = first.length === 0 || this.push(first);
    if (this.hasEnded) this.endReading();
    else if (takesMore) this.switched.resume();
  }

  reset(): void {
    this.isReset = true;
    this.destroy();
  }

  /** The rest of http-proxy's idea of a socket. */
  setTimeout(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  override _read(): void {
    if (this.isCarrying) this.switched.resume();
  }

  override _write(bytes: Buffer, _encoding: string, callback: () => void): void {
    if (!this.isCarrying) {
      callback();
      // The stand-in's request has no content: its end is that of its header section.
      if (bytes.toString("latin1").endsWith("\r\n\r\n")) this.push(SWITCHED, "latin1");
      return;
    }
    this.written = callback;
    if (this.switched.write(bytes)) this.settleWrite();
  }

  override _final(callback: () => void): void {
    this.switched.end(callback);
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    if (this.isReset) this.switched.reset();
    else this.switched.destroy();
    this.takeWritten();
    callback(error);
  }

  private endReading(): void {
    this.push(null); // oxlint-disable-line unicorn/no-null -- how a stream is told its end
  }

  /**
   * Where a write has failed, the upstream's last words may still wait to be read, and after them the reason. Until then the
   * client is held up: what it sends would be lost, and look as if it had arrived.
   */
  private settleWrite(): void {
    if (!this.switched.isWriteBroken()) this.takeWritten();
    else if (this.readableEnded) this.breakOff();
  }

  private breakOff(): void {
    this.destroy(new ProxyError("connection_terminated"));
  }

  private takeWritten(): void {
    const { written } = this;
    this.written = undefined;
    written?.();
  }
}
