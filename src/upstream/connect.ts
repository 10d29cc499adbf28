/** Opens connections to one upstream: lookup, TCP and TLS, all within one `connectTimeout`. */

import type { Socket } from "node:net";

import type { UpstreamConfig } from "../config/types.ts";
import { type ErrorCode, ProxyError, toProxyError } from "../http/errors.ts";
import { ipVersion } from "../http/ip-version.ts";
import { resetTransport } from "../runtime/reset.ts";
import type { CountUnacknowledged } from "../runtime/unacknowledged.ts";
import { type AddressBook, createAddressBook } from "./address-book.ts";
import { type AddressOrder, createAddressOrder } from "./address-order.ts";
import type { OwnSockets } from "./own-sockets.ts";
import { raceAddresses } from "./race.ts";
import type { ReadMemory } from "./read-memory.ts";
import type { Resolver } from "./resolver.ts";
import {
  type Connect,
  type Destination,
  type TcpSocket,
  type UpstreamSocket,
  type UpstreamSocketEvents,
  confirmTcpEnd,
  createReading,
  openTcp,
  createTlsClient,
} from "./socket.ts";

/** What all connections of the process share. */
export interface ConnectResources {
  readonly resolver: Resolver;
  readonly readMemory: ReadMemory;
  readonly ownSockets: OwnSockets;
  readonly countUnacknowledged: CountUnacknowledged;
}

/**
 * Creates the function that connects to one upstream. Each connection looks the name up, so that a backend with a new address is found.
 * `book` records the addresses.
 */
export function createConnect(
  upstream: UpstreamConfig,
  resources: ConnectResources,
  book: AddressBook = createAddressBook(now),
): Connect {
  const { host, socketPath } = upstream.url;
  const order = createAddressOrder(now);
  const openTls = createTlsClient(upstream);
  if (socketPath !== undefined || ipVersion(host) !== 0) book.noteResolved([socketPath ?? host]);
  return (events) => openConnection(upstream, events, { ...resources, order, book, openTls });
}

/** What the connections to one upstream share. */
interface ConnectContext extends ConnectResources {
  readonly order: AddressOrder;
  readonly book: AddressBook;
  readonly openTls: ReturnType<typeof createTlsClient>;
}

function now(): number {
  return performance.now();
}

// oxlint-disable-next-line max-lines-per-function -- one state, and the functions that change it
function openConnection(
  upstream: UpstreamConfig,
  events: UpstreamSocketEvents,
  { resolver, readMemory, ownSockets, countUnacknowledged, order, book, openTls }: ConnectContext,
): UpstreamSocket {
  const { url, connectTimeout } = upstream;
  const isTls = url.protocol === "https:";
  let isOver = false;
  let isReady = false;
  let cancelRace: (() => void) | undefined;
  let address = url.socketPath ?? url.host;
  /** Addresses that neither failed nor connected. */
  let untried: readonly string[] = [];
  /** The socket that bytes are written to: the TCP socket, or TLS over it. */
  let socket: Socket | undefined;
  let tcp: TcpSocket | undefined;
  let isTruncated: (() => boolean) | undefined;
  const reading = createReading(
    readMemory,
    (bytes, length) => isOver || events.onRead(bytes, length),
    (error) => fail(error),
  );
  // setImmediate lets the event loop read the sockets first: after a long turn, the connection may be established already.
  const timer = setTimeout(() => setImmediate(onTimeout), connectTimeout);

  if (url.socketPath !== undefined) race([{ path: url.socketPath, host: "" }]);
  else if (ipVersion(url.host) !== 0) race([url]);
  else lookUp();

  return {
    write: (bytes) => {
      if (socket === undefined) return true;
      return typeof bytes === "string" ? socket.write(bytes, "latin1") : socket.write(bytes);
    },
    pause: () => void socket?.pause(),
    resume: () => void socket?.resume(),
    readOwn: reading.readOwn,
    readsOwn: () => isTls || reading.readsOwn(),
    detach: reading.detach,
    isStuck: () => socket?.writableNeedDrain === true,
    isFlushed: () => socket?.writableLength === 0,
    isWriteBroken: () => tcp?.isWriteBroken === true,
    unacknowledged: () => (tcp === undefined ? undefined : countUnacknowledged(tcp)),
    confirmEnd(onConfirmed) {
      const report = (isOrderly: boolean): void => {
        if (!isOver) onConfirmed(isOrderly);
      };
      if (isTruncated !== undefined) report(!isTruncated());
      else if (tcp !== undefined) confirmTcpEnd(tcp, report);
    },
    end: (onFinished) => void socket?.end(onFinished),
    destroy,
    reset() {
      isOver = true; // before the socket reports its end
      if (tcp === undefined) return destroy();
      clearTimeout(timer);
      resetTransport(tcp, socket ?? tcp); // TLS ends with its TCP socket
    },
  };

  function destroy(): void {
    isOver = true;
    clearTimeout(timer);
    cancelRace?.();
    socket?.destroy();
    tcp?.destroy();
  }

  function fail(error: Error | undefined): void {
    if (isOver) return;
    destroy();
    events.onClosed(error);
  }

  function onTimeout(): void {
    if (isOver || isReady) return;
    if (tcp !== undefined) order.noteFailure(address);
    const error = new ProxyError(cancelRace === undefined ? "dns_timeout" : "connection_timeout");
    for (const silent of tcp === undefined ? untried : [address]) book.noteFailed(silent, error);
    fail(error);
  }

  function lookUp(): void {
    resolver.lookup(url.host).then(
      (addresses) => {
        book.noteResolved(addresses);
        if (!isOver) race(order.toSorted(addresses).map((host) => ({ host, port: url.port })));
      },
      (error: unknown) => fail(toProxyError(error)),
    );
  }

  /** Before a race is won, `address` is the path of a Unix socket, if the upstream has one. */
  function toAddress({ host }: Destination): string {
    return host === "" ? address : host;
  }

  function race(destinations: readonly Destination[]): void {
    untried = destinations.map(toAddress);
    cancelRace = raceAddresses(
      destinations,
      (destination, attempt) => openTcp(destination, isTls ? undefined : reading.onread, attempt),
      {
        onWon(opened, destination) {
          tcp = opened;
          address = toAddress(destination);
          opened.once("close", ownSockets.add(opened)).once("close", book.noteOpened(address));
          if (isTls) return secure(opened);
          carry(opened, (error) => error);
          ready(opened);
        },
        onLost: (errors) => fail(toFailure(errors)),
        onFailedAddress(destination, error) {
          order.noteFailure(destination.host);
          const failed = toAddress(destination);
          untried = untried.filter((one) => one !== failed);
          if (error !== undefined) book.noteFailed(failed, error);
        },
      },
    );
  }

  function secure(opened: TcpSocket): void {
    const secured = openTls(opened);
    isTruncated = secured.isTruncated;
    carry(secured.socket, (error) => {
      const failure = toTlsFailure(
        error,
        `${address}:${url.port}`,
        isReady ? "later" : "handshake",
      );
      if (!isReady) {
        order.noteFailure(address);
        book.noteFailed(address, failure);
      }
      return failure;
    });
    // Over a stream, Node gives each read memory of its own.
    secured.socket.on("data", (bytes: Buffer) => isOver || events.onRead(bytes, bytes.length));
    secured.socket.once("secureConnect", () => ready(opened));
  }

  function carry(carrier: Socket, toError: (error: Error | undefined) => Error | undefined): void {
    socket = carrier;
    carrier
      .on("drain", () => isOver || events.onDrain())
      .on("end", () => isOver || !isReady || events.onEnd())
      // `close` alone is not enough. It comes at the end of the turn, and the pool could hand out the broken connection until then.
      // After a TLS alert behind the handshake, Node emits `error` and leaves the socket open.
      .on("error", (error) => fail(toError(error)))
      .once("close", () => fail(isReady ? undefined : toError(undefined)));
  }

  function ready(opened: TcpSocket): void {
    if (isOver) return;
    clearTimeout(timer);
    isReady = true;
    opened.onWritten = () => isOver || events.onWritten();
    events.onConnected();
  }
}

/** The error if all addresses failed: the code of the first address, with the errors of all. */
function toFailure(errors: readonly Error[]): Error {
  const [first = new Error("the name has no address")] = errors;
  if (errors.length < 2) return first;
  const cause = new AggregateError(errors, errors.map(({ message }) => message).join("; "));
  return new ProxyError(toProxyError(first).code, { cause });
}

/**
 * Returns an error of TLS that names what was refused, and by which side; undefined if TLS ended without an error.
 *
 * In TLS 1.3 headgate's handshake is over before the upstream checks headgate's certificate, so its alert may come in place of a
 * response.
 */
function toTlsFailure(
  error: Error | undefined,
  peer: string,
  when: "handshake" | "later",
): Error | undefined {
  const reason = error?.message ?? "the connection was closed";
  const nodeCode = error !== undefined && "code" in error ? String(error.code) : "";
  const refuse = (code: ErrorCode, what: string): ProxyError =>
    new ProxyError(code, { cause: new Error(`${what}: ${reason}`, { cause: error }) });
  if (/^ERR_SSL_.*ALERT/.test(nodeCode))
    return refuse("tls_alert_received", `${peer} refused the connection by an alert`);
  const { code } = toProxyError(error);
  if (code === "tls_certificate_error")
    return refuse(code, `headgate refused the certificate of ${peer}`);
  if (code === "tls_protocol_error") return refuse(code, `TLS with ${peer} failed`);
  if (when === "later") return error;
  return refuse("tls_protocol_error", `${peer} broke off the TLS handshake`);
}
