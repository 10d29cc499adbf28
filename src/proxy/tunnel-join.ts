/** Joins the two sides of a tunnel by http-proxy. The door of http-proxy. */

import type { ProxyServer } from "http-proxy";
import type { ClientRequest, IncomingMessage } from "node:http";
import { Duplex } from "node:stream";

import { ProxyError } from "../http/errors.ts";
import type { SwitchedSocket } from "../upstream/switched-socket.ts";

/** Joins two sides. Throws a ProxyError if http-proxy works in an unknown way. */
export type Join = (client: Duplex, upstream: UpgradedStream) => void;

/** The request that http-proxy believes it forwards. It accepts only GET and websocket. The real request was sent before. */
const STAND_IN = {
  method: "GET",
  url: "/",
  headers: { connection: "Upgrade", upgrade: "websocket" },
};

const NOTHING = Buffer.alloc(0);

const SWITCHED =
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

/** Loads http-proxy, and returns the function that joins two sides with it. */
export async function loadJoin(): Promise<Join> {
  const { createProxyServer } = await import("http-proxy");
  const proxy = createProxyServer();
  // Without a listener http-proxy would throw. Every error that it reports also shows on one of the two sides.
  proxy.on("error", () => undefined);
  return (client, upstream) => joinSides(proxy, client, upstream);
}

/**
 * Lets http-proxy send an upgrade request to `upstream`, which responds with a 101 itself; http-proxy then joins the two streams.
 *
 * The real request and its real 101 were sent before. http-proxy would write a second 101 to the client, with joined fields in lower
 * case: it is suppressed.
 */
function joinSides(proxy: ProxyServer, client: Duplex, upstream: UpgradedStream): void {
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
    // http-proxy completes this object and passes it to Node as the options of the request.
    ssl: pin(options),
  });
  const [outgoing] = sent;
  const join = outgoing?.listeners("upgrade")[0];
  // A later http-proxy may work in another way: then the tunnel fails visibly.
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

/** Returns options that ignore assignments: http-proxy would set an agent and another path. */
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

/** The upstream's side as a stream. It responds to http-proxy's request with a 101, and then carries the tunnel's bytes. */
export class UpgradedStream extends Duplex {
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

  /** Starts the flow of bytes. Those that came with the 101 are first. */
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

  /** http-proxy calls this and the next two on every socket. */
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
      // http-proxy's request has no content, so it ends with its header section.
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
    this.push(null); // oxlint-disable-line unicorn/no-null -- null ends a stream
  }

  /**
   * After a failed write, the last bytes of the upstream may still wait to be read. Until they are read, the write does not call back
   * and so holds the client up: further bytes of the client would be lost and look as if they had arrived.
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
