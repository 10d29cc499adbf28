/** A scriptable upstream on a raw socket: records exactly the bytes that arrive, and can respond with any bytes at any time. */

import { EventEmitter, once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import {
  type ByteReader,
  type CloseKind,
  type Head,
  type Message,
  MessageError,
  framingOf,
  readBody,
  readBytes,
  readHead,
} from "./message.ts";
import { reset } from "./reset.ts";
import type { Cleanup } from "./wire.ts";

/** One connection to the origin. */
export interface Connection {
  /** 1 for the first. */
  readonly number: number;
  readonly socket: Socket;
  readonly bytes: ByteReader;
  readonly closed: Promise<CloseKind>;
}

/** One request, available from its header section on, so that the script may respond before its content arrives. */
export interface Arrival extends Head {
  readonly method: string;
  /** The request-target, byte for byte. */
  readonly target: string;
  readonly connection: Connection;
  /** Resolves when its content has arrived; rejects if the peer broke off or violated the framing. */
  readonly completed: Promise<Message>;
  /** Texts are Latin-1: one character is one byte. */
  write(bytes: string | Buffer): void;
  /** Sends a FIN. */
  end(): void;
  /** Sends a RST. */
  reset(): void;
  /** All further bytes of this connection are not requests (an upgrade). Call it before the first await. */
  takeOver(): ByteReader;
}

/** Called at the header section of each request. */
export type Script = (request: Arrival) => void | Promise<void>;

/** A running origin. */
export interface Origin {
  readonly port: number;
  readonly url: string;
  /** All requests whose header section arrived, in order. */
  readonly arrivals: readonly Arrival[];
  readonly connections: readonly Connection[];
  /** Resolves with request number `index` (0 is the first) once it has arrived. */
  arrival(index: number): Promise<Arrival>;
  /** Resolves with connection number `index` (0 is the first) once it exists. */
  connection(index: number): Promise<Connection>;
}

/** Starts an origin on a free port of 127.0.0.1, or on a unix socket; the end of test `t` stops it. */
export async function startOrigin(t: Cleanup, script: Script, path?: string): Promise<Origin> {
  const arrivals: Arrival[] = [];
  const connections: Connection[] = [];
  const failures: unknown[] = [];
  const news = new EventEmitter().setMaxListeners(0);
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const bytes = readBytes(socket);
    const connection = { number: connections.length + 1, socket, bytes, closed: bytes.closed };
    connections.push(connection);
    news.emit("news");
    // An idle connection ends when its peer ends it; a connection that a script still writes to is left to the script.
    serve(connection, (arrival) => {
      arrivals.push(arrival);
      news.emit("news");
      return Promise.resolve(arrival).then(script);
    }).catch((error: unknown) => {
      failures.push(error);
      socket.destroy();
    });
  });
  server.listen(path === undefined ? { port: 0, host: "127.0.0.1" } : { path });
  await once(server, "listening");
  t.after(async () => {
    for (const { socket } of connections) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    // The test fails for a request that violated the rules, or a script that threw.
    if (failures.length > 0) throw failures[0];
  });
  const waitFor = async <T>(list: readonly T[], index: number): Promise<T> => {
    for (;;) {
      const item = list[index];
      if (item !== undefined) return item;
      await once(news, "news", { signal: AbortSignal.timeout(15_000) });
    }
  };
  const port = path === undefined ? (server.address() as AddressInfo).port : 0;
  return {
    port,
    url: path === undefined ? `http://127.0.0.1:${port}` : `unix:${path}`,
    arrivals,
    connections,
    arrival: (index) => waitFor(arrivals, index),
    connection: (index) => waitFor(connections, index),
  };
}

/** Reads the requests of one connection one after the other. Fails for bytes that are not a request. */
async function serve(
  connection: Connection,
  answer: (request: Arrival) => Promise<void>,
): Promise<void> {
  const { socket, bytes } = connection;
  let tunnel = false;
  while (await hasNext(connection)) {
    const head = await readHead(bytes);
    const [, method = "", target = ""] = /^([^ ]+) (.+) HTTP\/1\.1$/.exec(head.start) ?? [];
    if (method === "") throw new Error(`not a request line: ${JSON.stringify(head.start)}`);
    const whole = readBody(bytes, framingOf(head) ?? 0).then((body) => ({ ...head, ...body }));
    // The script may ignore the content; the loop below does not.
    whole.catch(() => {});
    const arrival: Arrival = {
      ...head,
      method,
      target,
      connection,
      completed: whole,
      write: (text) =>
        void socket.write(typeof text === "string" ? Buffer.from(text, "latin1") : text),
      end: () => void socket.end(),
      reset: () => reset(socket),
      takeOver: () => {
        tunnel = true;
        return bytes;
      },
    };
    const answered = answer(arrival);
    const isWhole = await whole.then(
      () => true,
      // Many tests have a peer that breaks off; a peer that violates the framing is a failure.
      (error: unknown) => {
        if (error instanceof MessageError && error.closeKind !== undefined) return false;
        throw error;
      },
    );
    await answered;
    if (tunnel || !isWhole) return;
  }
}

// Waits without the time limit of a read: an idle connection may be kept for the whole test.
async function hasNext({ socket, bytes, closed }: Connection): Promise<boolean> {
  if (bytes.unread().length > 0) return true;
  const data = new Promise((resolve) => socket.once("data", () => resolve("data")));
  const first = await Promise.race([data, closed]);
  if (bytes.unread().length > 0) return true;
  // The peer has sent its FIN and may still read the last response, so the origin sends its own FIN.
  if (first === "end") socket.end();
  return first === "data";
}
