/** Protocol upgrades: the request that asks for one, and the tunnel after the 101. The door of http-proxy. */

import type { ProxyServer } from "http-proxy";
import type { ClientRequest, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex, Readable } from "node:stream";
import type { UpstreamConfig } from "../config/schema.ts";
import { ProxyError, toProxyError } from "../http/errors.ts";
import {
  type AnswerHead,
  isAgreedProtocol,
  serializeHead,
  toInterimFields,
  toSwitchedFields,
  toUpgradeFields,
} from "../http/upgrade.ts";

/** How much a client may send before the 101. More waits in its own socket, by backpressure. */
const HELD_BYTES = 64 * 1024;

/** How long a client may take to close after a refusal that was written whole. */
const LINGER_MS = 1_000;

/** The longest time that Node's timers can hold; anything above fires at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** What http-proxy believes it forwards: its check knows GET and websocket only. What goes out is in toRequestOptions. */
const STAND_IN = {
  method: "GET",
  url: "/",
  headers: { connection: "Upgrade", upgrade: "websocket" },
};

/** An answer other than 101, whole. `body` has to be read or destroyed; it fails when the upstream breaks off. */
export interface RefusedUpgrade extends AnswerHead {
  readonly body: Readable;
  /** Name, value, name, value, …; complete once the body has ended. */
  rawTrailers(): readonly string[];
}

/** One request for an upgrade. Times are milliseconds. */
export interface TunnelRequest {
  /** The client's socket, as Node's server hands it over. */
  readonly client: Duplex;
  /** What Node had read behind the request's header section. */
  readonly early: Buffer;
  readonly method: string;
  /** Goes out byte for byte. */
  readonly target: string;
  /** End-to-end fields for the upstream, Host included: name, value, name, value, … */
  readonly fields: readonly string[];
  /** The client's Upgrade field. */
  readonly token: string;
  readonly upstream: UpstreamConfig;
  /** Until the upstream's answer to the upgrade. */
  readonly upgradeMs: number;
  /** How long a tunnel may carry no byte in either direction; 0 = for ever. */
  readonly idleMs: number;
  /** The 101 is on its way to the client. */
  onSwitched(head: AnswerHead): void;
  /** Relays an answer other than 101 to the client's socket; resolves once it is written, rejects if it broke. */
  refuse(answer: RefusedUpgrade): Promise<void>;
}

/** What became of an upgrade that got an answer. Bytes are those of the new protocol. */
export interface TunnelEnd {
  readonly switched: boolean;
  /** `closed`: both sides were done, or the refusal was relayed whole. */
  readonly reason: "closed" | "broken" | "idle" | "shutdown";
  /** Set if broken; its code tells by whom. */
  readonly error: ProxyError | undefined;
  readonly bytesFromClient: number;
  readonly bytesFromUpstream: number;
}

/** All upgrades of one process. */
export interface Tunnels {
  /**
   * Asks the upstream and stays until everything is over. Rejects with a ProxyError if there was no answer to relay; then
   * the client's socket is left to the caller, read and discarded, so that an error answer can be written to it.
   */
  open(request: TunnelRequest): Promise<TunnelEnd>;
  /** Upgrades being asked for and tunnels open. */
  count(): number;
  /** Ends them all at once. */
  closeAll(): void;
}

/** A request on its way. `join` is http-proxy's own handler of a 101, which ties the two sockets together. */
interface Asked {
  readonly outgoing: ClientRequest;
  join(incoming: IncomingMessage, upstream: Duplex, head: Buffer): void;
}

/** The upstream's answer: a socket that speaks the new protocol from now on, or an ordinary answer. */
type Switched = { readonly incoming: IncomingMessage; readonly upstream: Duplex; join(): void };
type Refused = { readonly incoming: IncomingMessage; readonly upstream: undefined };

/** The client's socket while there is no 101. */
interface HeldClient {
  /** Gives the socket back, with what was held in front. */
  release(): void;
  /** Forgets what was held, and whatever comes. */
  discard(): void;
}

/** Makes the one owner of all tunnels. */
export function createTunnels(): Tunnels {
  const running = new Set<AbortController>();
  let proxy: Promise<ProxyServer> | undefined;
  return {
    async open(request) {
      const life = new AbortController();
      running.add(life);
      try {
        return await runTunnel(await (proxy ??= loadProxy()), request, life);
      } catch (error) {
        throw toProxyError(error);
      } finally {
        running.delete(life);
      }
    },
    count: () => running.size,
    closeAll() {
      const error = new ProxyError("proxy_internal_error", {
        status: 503,
        title: "headgate is shutting down",
      });
      for (const life of running) life.abort(error);
    },
  };
}

/** Loaded at the first upgrade: most services never see one, and it would be a twentieth of the time until headgate is ready. */
async function loadProxy(): Promise<ProxyServer> {
  const { createProxyServer } = await import("http-proxy");
  const proxy = createProxyServer();
  // http-proxy throws what nobody listens for. Whatever it may report is seen on the sockets and the request as well.
  proxy.on("error", ignore);
  return proxy;
}

/** The story of one upgrade. Aborting `life` ends it at any moment; the reason is its error while there is no answer. */
async function runTunnel(
  proxy: ProxyServer,
  request: TunnelRequest,
  life: AbortController,
): Promise<TunnelEnd> {
  const held = holdClient(request, life);
  try {
    life.signal.throwIfAborted();
    const asked = sendRequest(proxy, request);
    onAbort(life, (reason) => asked.outgoing.destroy(reason));
    const answer = await waitForAnswer(asked, request);
    if (answer.upstream === undefined) {
      held.discard();
      return await relayRefusal(request, answer.incoming, life);
    }
    // The answer and an end may have come in one turn of the event loop.
    if (life.signal.aborted || answer.upstream.destroyed) {
      answer.upstream.destroy();
      life.signal.throwIfAborted();
      throw new ProxyError("connection_terminated");
    }
    return await runSwitched(request, answer, held, life);
  } catch (error) {
    life.abort(error);
    held.discard();
    if (error instanceof ProxyError && error.code === "client_gone") request.client.destroy();
    throw error;
  }
}

/**
 * Keeps what the client sends, and notices when it leaves. Not reading at all would hold the bytes as well, but a socket that
 * nobody reads reports neither FIN nor RST. A client that has sent more than the limit is only missed when its time is up.
 */
function holdClient({ client, early }: TunnelRequest, life: AbortController): HeldClient {
  const chunks = [early];
  let bytes = early.length;
  const hold = (chunk: Buffer): void => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= HELD_BYTES) client.pause();
  };
  // A FIN counts as leaving: whoever has nothing more to say cannot mean to switch protocols. Node's server aborts likewise.
  const leave = (): void => life.abort(new ProxyError("client_gone"));
  // Stays for good: after an 'upgrade' event Node's server no longer listens, and an error that nobody hears ends the process.
  client.on("error", ignore);
  client.on("data", hold).on("end", leave).on("close", leave);
  if (bytes >= HELD_BYTES) client.pause();
  if (client.destroyed || client.readableEnded) leave();
  return {
    release() {
      client.off("data", hold).off("end", leave).off("close", leave);
      client.pause();
      client.unshift(Buffer.concat(chunks));
    },
    discard() {
      client.off("data", hold);
      chunks.length = 0;
      // Unread bytes would turn the close after an answer into a reset, and that may overtake the answer (RFC 9112 §9.6).
      client.resume();
    },
  };
}

/** Has http-proxy send the request, then takes over what happens next. Throws what Node refuses to send. */
function sendRequest(proxy: ProxyServer, request: TunnelRequest): Asked {
  const sent: ClientRequest[] = [];
  const take = (outgoing: ClientRequest): void => void sent.push(outgoing);
  const { protocol, host, port } = request.upstream.url;
  proxy.once("proxyReqWs", take);
  try {
    proxy.ws(STAND_IN as unknown as IncomingMessage, request.client, Buffer.alloc(0), {
      target: { protocol, host, port },
      // The object that http-proxy completes and gives to Node as the request's options, whatever the upstream's protocol.
      ssl: pin(toRequestOptions(request)),
    });
  } finally {
    proxy.off("proxyReqWs", take);
  }
  const [outgoing] = sent;
  if (outgoing === undefined) throw new ProxyError("proxy_internal_error");
  // 0 lifts the limit: beyond about 1,000 fields Node would drop the rest in silence. maxHeaderSize still bounds them.
  outgoing.maxHeadersCount = 0;
  const [join] = outgoing.listeners("upgrade");
  // http-proxy would end the client on any error before there is an answer, and write a refusal without its duplicate
  // fields and regardless of how fast the client reads.
  for (const event of ["upgrade", "response", "error"]) outgoing.removeAllListeners(event);
  return {
    outgoing,
    join: (incoming, upstream, head) => void join?.call(outgoing, incoming, upstream, head),
  };
}

/** What Node's request is to be made of. Fields as a list go out exactly so: order, case and duplicates. */
function toRequestOptions({
  method,
  target,
  token,
  fields,
  upstream: { url, tls },
}: TunnelRequest): object {
  return {
    method,
    path: target,
    headers: toUpgradeFields(method, token, fields),
    host: url.host,
    hostname: url.host,
    port: url.port,
    socketPath: url.socketPath,
    ca: tls?.ca,
    cert: tls?.cert,
    key: tls?.key,
    servername: tls?.serverName,
    rejectUnauthorized: tls?.verify ?? true,
  };
}

/** Options that keep their values: http-proxy normalises the path, rewrites the fields and forgets half of the TLS settings. */
function pin(options: object): object {
  const pinned = {};
  for (const [name, value] of Object.entries(options)) {
    Object.defineProperty(pinned, name, {
      enumerable: true,
      get: (): unknown => value,
      set: ignore,
    });
  }
  return pinned;
}

/** Waits for a 101 or a refusal; other 1xx are passed on. Rejects with whatever came instead, or when a time is up. */
async function waitForAnswer(
  { outgoing, join }: Asked,
  request: TunnelRequest,
): Promise<Switched | Refused> {
  const { upstream, client, token } = request;
  const fail = (
    code: "connection_timeout" | "http_response_timeout" | "http_upgrade_failed",
  ): void => {
    outgoing.destroy(new ProxyError(code));
  };
  const connecting = startTimer(upstream.connectTimeout, () => fail("connection_timeout"));
  const answering = startTimer(request.upgradeMs, () => fail("http_response_timeout"));
  const connected = upstream.url.protocol === "https:" ? "secureConnect" : "connect";
  outgoing.once("socket", (socket) => void socket.once(connected, () => clearTimeout(connecting)));
  outgoing.on("information", ({ statusCode: status, statusMessage: reason, rawHeaders }) => {
    // RFC 9110 §15.2: a proxy forwards them. They are optional all the same, and a flood must not pile up in memory.
    if (!client.writableNeedDrain)
      writeHead(client, { status, reason, rawFields: toInterimFields(rawHeaders) });
  });
  try {
    return await new Promise((resolve, reject) => {
      outgoing.on("error", reject);
      outgoing.once("response", (incoming) => {
        // A 101 that does not say what it switches to is an ordinary answer for Node.
        if (incoming.statusCode === 101) fail("http_upgrade_failed");
        else resolve({ incoming, upstream: undefined });
      });
      outgoing.once("upgrade", (incoming, socket, head) => {
        socket.on("error", ignore);
        if (isAgreedProtocol(token, incoming.rawHeaders)) {
          return resolve({ incoming, upstream: socket, join: () => join(incoming, socket, head) });
        }
        socket.destroy();
        return reject(new ProxyError("http_upgrade_failed"));
      });
    });
  } finally {
    clearTimeout(connecting);
    clearTimeout(answering);
  }
}

/** Hands a refusal to the caller, then ends the connection: what the client sends next belongs to no protocol. */
async function relayRefusal(
  request: TunnelRequest,
  incoming: IncomingMessage,
  life: AbortController,
): Promise<TunnelEnd> {
  const { client, upstream } = request;
  const end = { switched: false, error: undefined, bytesFromClient: 0, bytesFromUpstream: 0 };
  // Node takes the socket off the answer once that is complete.
  const { socket } = incoming;
  // Whoever broke off first is to blame: the other side's end follows, and may be seen before the relay has given up.
  let broken: Error | undefined;
  incoming.on("error", (error) => {
    if (!life.signal.aborted) broken ??= error;
  });
  socket.setTimeout(upstream.idleTimeout, () =>
    incoming.destroy(new ProxyError("http_response_timeout")),
  );
  try {
    life.signal.throwIfAborted();
    const { statusCode: status = 0, statusMessage: reason = "", rawHeaders: rawFields } = incoming;
    await request.refuse({
      status,
      reason,
      rawFields,
      body: incoming,
      rawTrailers: () => incoming.rawTrailers,
    });
  } catch (cause) {
    reset(client);
    const isEnded = life.signal.aborted && broken === undefined;
    const error = toProxyError(broken ?? (isEnded ? life.signal.reason : cause));
    return isEnded && error.code !== "client_gone"
      ? { ...end, reason: "shutdown" }
      : { ...end, reason: "broken", error };
  } finally {
    socket.destroy();
  }
  client.end();
  await waitForClose(client);
  return { ...end, reason: "closed" };
}

/** Ties the two sockets together and stays until both are closed. */
async function runSwitched(
  request: TunnelRequest,
  answer: Switched,
  held: HeldClient,
  life: AbortController,
): Promise<TunnelEnd> {
  const { client } = request;
  const { upstream } = answer;
  const bytes = { bytesFromClient: 0, bytesFromUpstream: 0 };
  let end: Pick<TunnelEnd, "reason" | "error"> = { reason: "closed", error: undefined };
  const finish = (reason: TunnelEnd["reason"], error?: ProxyError): void => {
    if (end.reason === "closed") end = { reason, error };
    const close = reason === "broken" ? reset : destroy;
    close(client);
    close(upstream);
  };
  const closed = Promise.all([
    watchSocket(client, (cause) => finish("broken", new ProxyError("client_gone", { cause }))),
    watchSocket(upstream, (cause) =>
      finish("broken", new ProxyError("connection_terminated", { cause })),
    ),
  ]);
  const idle = startTimer(request.idleMs, () => finish("idle"));
  onAbort(life, () => finish("shutdown"));

  try {
    startBytes(request, answer, held);
    client.on("data", (chunk: Buffer) => {
      bytes.bytesFromClient += chunk.length;
      idle?.refresh();
    });
    upstream.on("data", (chunk: Buffer) => {
      bytes.bytesFromUpstream += chunk.length;
      idle?.refresh();
    });
    await closed;
  } finally {
    clearTimeout(idle);
  }
  return { switched: true, ...end, ...bytes };
}

/** Writes the 101, then lets the bytes flow, those that were held first. */
function startBytes(
  { client, onSwitched }: TunnelRequest,
  { upstream, incoming, join }: Switched,
  held: HeldClient,
): void {
  const head = {
    status: 101,
    reason: incoming.statusMessage ?? "",
    rawFields: toSwitchedFields(incoming.rawHeaders),
  };
  onSwitched(head);
  // One side may be done before the other: a FIN is passed on as it comes, and the idle limit ends what stays half open.
  client.allowHalfOpen = true;
  upstream.allowHalfOpen = true;
  writeHead(client, head);
  held.release();
  // http-proxy writes a 101 of its own before it ties the sockets together, from joined fields in lower case.
  const write = client.write;
  client.write = () => true;
  join();
  client.write = write;
}

/** Resolves when the socket is closed. Calls `lost` if that is not because both directions came to their end. */
function watchSocket(socket: Duplex, lost: (cause: unknown) => void): Promise<void> {
  return new Promise((resolve) => {
    // Before http-proxy's own listener: that ends the other side, whose reset then comes too late.
    socket.prependListener("error", lost);
    socket.on("close", () => {
      if (!socket.readableEnded || !socket.writableFinished) lost(undefined);
      resolve();
    });
  });
}

/** Resolves when the client has closed; after the linger time it is cut off. */
function waitForClose(client: Duplex): Promise<void> {
  return new Promise((resolve) => {
    if (client.closed) return resolve();
    const timer = startTimer(LINGER_MS, () => client.destroy());
    client.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Fields are latin1 in Node: written as UTF-8, a byte above 127 would become two. */
function writeHead(client: Duplex, head: AnswerHead): void {
  client.write(serializeHead(head), "latin1");
}

/** Breaks a connection off so that the peer sees it broken: RST where the transport has one; TLS and unix sockets do not. */
function reset(socket: Duplex): void {
  if (socket.destroyed) return;
  // While a FIN is on its way, libuv refuses to reset, and Node then leaves the handle open for good.
  const ending = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
  try {
    if (ending) socket.destroy();
    else (socket as Socket).resetAndDestroy();
  } catch {
    socket.destroy();
  }
}

function destroy(socket: Duplex): void {
  socket.destroy();
}

/** A timer of Node's; undefined for 0, which stands for no limit. */
function startTimer(timeoutMs: number, action: () => void): NodeJS.Timeout | undefined {
  return timeoutMs === 0 ? undefined : setTimeout(action, Math.min(timeoutMs, LONGEST_MS));
}

function onAbort(life: AbortController, action: (reason: ProxyError) => void): void {
  life.signal.addEventListener("abort", () => action(toProxyError(life.signal.reason)), {
    once: true,
  });
}

function ignore(): void {}
