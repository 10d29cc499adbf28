/** The upstream: reads requests strictly and leniently, finds the case of each, and responds. */

import { once } from "node:events";
import { type AddressInfo, type Server, type Socket, createServer } from "node:net";
import { type Peer, toPlainPeer, toTlsPeer } from "../../test/support/peer.ts";
import { readLeniently, type Preference } from "./lenient.ts";
import { type Request, readRequest } from "./requests.ts";
import { valuesOf } from "./strict.ts";

/** A complete request that arrived. */
export interface Arrival extends Request {
  /** Its number among all requests; the response has it too. */
  readonly seq: number;
  readonly raw: string;
}

/** The recorder's link to the case of a client address. */
export interface Owner {
  readonly arrivals: Arrival[];
  readonly violations: string[];
  /** Responds instead of the recorder: calls `done` when everything is written, or `asUsual` to let the recorder respond. */
  respond?(arrival: Arrival, peer: Peer, done: () => void, asUsual: () => void): void;
}

/** The recorder's ports on 127.0.0.1, without and with TLS. */
export interface Ports {
  readonly port: number;
  readonly tlsPort: number;
}

/** A running recorder. */
export interface Recorder extends Ports {
  /** The requests that have begun to arrive and have no whole response. */
  countExchanges(): number;
  close(): void;
}

const PREFERENCES: readonly Preference[] = ["chunked, first length", "length, last length"];
/** After this many requests the recorder closes a connection, so that new connections are tested too. */
const MAX_REQUESTS = 500;

/** Starts the upstream. `ownerOf` finds a case by the client's address in the proxy's X-Forwarded-For. */
export async function startRecorder(ownerOf: (address: string) => Owner): Promise<Recorder> {
  let seq = 0;
  const peers = new Map<Peer, () => boolean>();
  const record = (peer: Peer): void => {
    const { socket } = peer;
    let text = "";
    let served = 0;
    let isBusy = false;
    peers.set(peer, () => isBusy || text !== "");
    socket.on("data", (bytes: Buffer) => {
      text += bytes.toString("latin1");
      next();
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      peers.delete(peer);
      if (text !== "") ownerIn(text).violations.push(...findWhole(text));
    });

    // Responds one after another, as a backend would; pipelining by a proxy is not tested here.
    function next(): void {
      if (isBusy || text === "") return;
      const request = readRequest(text, 0);
      if (request === "incomplete") return;
      if (request === "invalid")
        return fail(`not a request: ${JSON.stringify(text.slice(0, 400))}`);
      const raw = text.slice(0, request.end);
      text = text.slice(request.end);
      const owner = ownerOf(addressIn(request));
      const arrival = { ...request, raw, seq: (seq += 1) };
      owner.arrivals.push(arrival);
      owner.violations.push(...findAmbiguities(raw, request));
      isBusy = true;
      if (owner.respond === undefined) respond(arrival);
      else owner.respond(arrival, peer, done, () => respond(arrival));
    }

    function respond({ method, target, seq: number }: Arrival): void {
      served += 1;
      const isLast = served >= MAX_REQUESTS;
      const body = method === "HEAD" ? "" : `${number} ${target}`;
      const close = isLast ? "Connection: close\r\n" : "";
      socket.write(
        `HTTP/1.1 200 OK\r\nX-Seq: ${number}\r\n${close}Content-Length: ${body.length}\r\n\r\n${body}`,
        "latin1",
      );
      if (isLast) socket.end();
      else done();
    }

    function done(): void {
      isBusy = false;
      next();
    }

    function fail(violation: string): void {
      ownerIn(text).violations.push(violation);
      text = "";
      socket.destroy();
    }
  };
  const ownerIn = (text: string): Owner =>
    ownerOf(/^x-forwarded-for: (?:.*, )?(.*)\r$/im.exec(text)?.[1] ?? "");
  const plain = await listen((peer) => record(peer), toPlainPeer);
  const secure = await listen((peer) => record(peer), toTlsPeer);
  return {
    port: portOf(plain),
    tlsPort: portOf(secure),
    countExchanges: () => [...peers.values()].filter((isOpen) => isOpen()).length,
    close() {
      plain.close();
      secure.close();
      for (const { socket } of peers.keys()) socket.destroy();
    },
  };
}

async function listen(
  onPeer: (peer: Peer) => void,
  toPeer: (socket: Socket) => Peer,
): Promise<Server> {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    onPeer(toPeer(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

/** Two readers that interpret one request differently see different next requests. */
function findAmbiguities(raw: string, strict: Request): string[] {
  return PREFERENCES.flatMap((preference) => {
    const lenient = readLeniently(raw, 0, preference);
    const isSame =
      lenient !== undefined &&
      lenient.end === raw.length &&
      lenient.method === strict.method &&
      lenient.target === strict.target &&
      lenient.framing === strict.framing &&
      lenient.body === strict.body;
    return isSame
      ? []
      : [`ambiguous (${preference}) at the upstream: ${JSON.stringify(raw.slice(0, 600))}`];
  });
}

/** Finds complete requests in the bytes of an incomplete one: no reader may find any. */
function findWhole(text: string): string[] {
  return PREFERENCES.filter((preference) => readLeniently(text, 0, preference) !== undefined).map(
    (preference) =>
      `broken off, and yet whole (${preference}): ${JSON.stringify(text.slice(0, 600))}`,
  );
}

function addressIn({ fields }: Request): string {
  return valuesOf(fields, "x-forwarded-for").at(-1)?.split(", ").at(-1) ?? "";
}
