/** A proxy of HTTP/2 with known faults, which the fuzzer must detect. It validates nothing. */

import { once } from "node:events";
import { type AddressInfo, type Socket, connect, createServer } from "node:net";
import type { Target } from "../rig.ts";
import type { Field } from "../strict.ts";
import {
  FLAG,
  HEAD_BYTES,
  PREFACE,
  TYPE,
  readFrames,
  toFrame,
  toUint32,
  withoutPadding,
} from "./frames.ts";
import { createDecoder, createEncoder } from "./hpack.ts";

/** A known fault. */
export type Http2Flaw =
  /** Copies the fields of malformed requests into HTTP/1.1. */
  | "copied fields"
  /** Forwards a request whose content differs from its Content-Length. */
  | "a false length"
  /** Gives each stream the response to the previous one. */
  | "mixed answers"
  /** Ends an incomplete response with END_STREAM. */
  | "false ends"
  /** Sends content in the response to a HEAD. */
  | "content after a HEAD"
  /** Goes on after a connection error. */
  | "lenient frames"
  /** Does not respond to PING. */
  | "no PING"
  /** Sends upper-case names, and fields of the connection. */
  | "fields of HTTP/1.1"
  /** Never closes a connection of a client that has left. */
  | "kept connections"
  /** Ends at a connection error. */
  | "one fault ends all";

interface Stream {
  fields: readonly Field[];
  body: string;
  isForwarded: boolean;
}

/** Starts a proxy with a flaw. */
export async function startNaiveHttp2(flaw: Http2Flaw, upstreamPort: number): Promise<Target> {
  const sockets = new Set<Socket>();
  let isGone = false;
  const onFault = (): void => {
    isGone = true;
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    if (isGone) socket.destroy();
    else serve(socket, { flaw, upstreamPort, onFault });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    http2: true,
    isOnlyHttp2: true,
    reading: "tolerant",
    complaint: () => undefined,
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

// oxlint-disable-next-line max-lines-per-function -- one state; what happens to it are the functions below
function serve(
  socket: Socket,
  { flaw, upstreamPort, onFault }: { flaw: Http2Flaw; upstreamPort: number; onFault: () => void },
): void {
  const decode = createDecoder();
  const encode = createEncoder();
  const streams = new Map<number, Stream>();
  let text = "";
  let at = PREFACE.length;
  let block = "";
  let before: string | undefined;
  let previous = Promise.resolve();
  const write = (type: number, flags: number, stream: number, payload = ""): void => {
    if (!socket.destroyed) socket.write(toFrame({ type, flags, stream, payload }), "latin1");
  };
  write(TYPE.settings, 0, 0);
  socket.on("error", () => socket.destroy());
  socket.on("end", () => {
    if (flaw !== "kept connections") socket.end();
  });
  socket.on("data", (bytes: Buffer) => {
    text += bytes.toString("latin1");
    const { frames, end } = readFrames(text, at);
    at = text.length < PREFACE.length ? PREFACE.length : end;
    for (const frame of frames) read(frame);
  });

  // oxlint-disable-next-line complexity -- one case for each type
  function read({
    type,
    flags,
    stream: id,
    payload,
  }: ReturnType<typeof readFrames>["frames"][number]): void {
    if (type === TYPE.ping && (flags & FLAG.ack) === 0 && flaw !== "no PING")
      write(TYPE.ping, FLAG.ack, 0, payload);
    if (type === TYPE.headers) {
      const fragment = withoutPadding({ type, flags, stream: id, payload }) ?? "";
      block = (flags & FLAG.priority) === 0 ? fragment : fragment.slice(5);
      streams.set(id, streams.get(id) ?? { fields: [], body: "", isForwarded: false });
    }
    if (type === TYPE.continuation) block += payload;
    const stream = streams.get(id);
    if (stream === undefined) {
      const isLost = type === TYPE.data || (type === TYPE.settings && payload.length % 6 !== 0);
      if (isLost && flaw === "one fault ends all") return onFault();
      if (isLost && flaw !== "lenient frames")
        socket.end(
          toFrame({ type: TYPE.goaway, flags: 0, stream: 0, payload: toUint32(0) + toUint32(1) }),
          "latin1",
        );
      return;
    }
    if ((type === TYPE.headers || type === TYPE.continuation) && (flags & FLAG.endHeaders) !== 0) {
      const fields = decode(block) ?? [];
      if (stream.fields.length === 0) stream.fields = fields;
    }
    if (type === TYPE.data)
      stream.body += withoutPadding({ type, flags, stream: id, payload }) ?? "";
    if (
      type !== TYPE.continuation &&
      type !== TYPE.rstStream &&
      (flags & FLAG.endStream) !== 0 &&
      type !== TYPE.settings
    )
      stream.isForwarded = true;
    if (stream.isForwarded && stream.fields.length > 0) {
      streams.delete(id);
      previous = previous.then(() => forward(id, stream));
    }
  }

  async function forward(id: number, { fields, body }: Stream): Promise<void> {
    const of = (name: string): string => fields.find((field) => field[0] === name)?.[1] ?? "";
    const length = of("content-length");
    const isLie = length !== "" && Number(length) !== body.length;
    if (isLie && flaw !== "a false length") return write(TYPE.rstStream, 0, id, toUint32(1));
    const isHead = of(":method") === "HEAD";
    const regular = fields.filter(
      ([name]) => !name.startsWith(":") && !/^(?:te|content-length|host)$/.test(name),
    );
    const lines = regular.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    const host = of(":authority") || of("host");
    const answer = await exchange(
      `${isHead ? "GET" : of(":method")} ${of(":path")} HTTP/1.1\r\nHost: ${host}\r\n${lines}` +
        `Content-Length: ${isHead ? 0 : body.length}\r\nX-Forwarded-For: ${socket.remoteAddress}\r\n` +
        `X-Forwarded-Proto: http\r\nConnection: close\r\n\r\n${isHead ? "" : body}`,
    );
    const told = flaw === "mixed answers" ? (before ?? answer) : answer;
    before = answer;
    respond(id, told, isHead);
  }

  async function exchange(request: string): Promise<string> {
    const upstream = connect({ port: upstreamPort, host: "127.0.0.1", allowHalfOpen: true });
    upstream.on("error", () => undefined);
    upstream.write(request, "latin1");
    let answer = "";
    const limit = setTimeout(() => upstream.destroy(), 300);
    upstream.on("data", (bytes: Buffer) => {
      answer += bytes.toString("latin1");
      const [, length] = /content-length: (\d+)/i.exec(answer) ?? [];
      if (length !== undefined && answer.length >= answer.indexOf("\r\n\r\n") + 4 + Number(length))
        upstream.destroy();
    });
    upstream.once("end", () => upstream.destroy());
    await once(upstream, "close").catch(() => undefined);
    clearTimeout(limit);
    return answer;
  }

  function respond(id: number, answer: string, isHead: boolean): void {
    const end = answer.indexOf("\r\n\r\n");
    const [start = "", ...lines] = answer.slice(0, Math.max(0, end)).split("\r\n");
    const status = /^HTTP\/1\.1 ([2-5]\d\d)/.exec(start)?.[1] ?? "502";
    const fields = lines.map((line): Field => [
      line.slice(0, line.indexOf(":")),
      line.slice(line.indexOf(":") + 1).trim(),
    ]);
    const isOld = flaw === "fields of HTTP/1.1";
    const sent = isOld
      ? fields
      : fields
          .map(([name, value]): Field => [name.toLowerCase(), value])
          .filter(
            ([name]) => !/^(?:connection|transfer-encoding|content-length|keep-alive)$/.test(name),
          );
    const body = answer.slice(end + 4);
    const isEmpty = isHead && flaw !== "content after a HEAD";
    const announced = Number(/content-length: (\d+)/i.exec(answer)?.[1] ?? body.length);
    const isBroken = body.length < announced && flaw !== "false ends";
    write(
      TYPE.headers,
      FLAG.endHeaders | (isEmpty ? FLAG.endStream : 0),
      id,
      encode([[":status", status], ...sent]),
    );
    if (isEmpty) return;
    write(TYPE.data, isBroken ? 0 : FLAG.endStream, id, body.slice(0, 16_384 - HEAD_BYTES));
    if (isBroken) write(TYPE.rstStream, 0, id, toUint32(2));
  }
}
