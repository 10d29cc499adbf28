/** A client of HTTP/2, by node:http2. Hostile bytes are in frames.ts. */

import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionOptions,
  type SecureClientSessionOptions,
  connect,
} from "node:http2";

import type { ReceivedResponse, Cleanup } from "./wire.ts";

/** The listener of a headgate that serves HTTP/2 to clients with prior knowledge, and HTTP/1.1 to others. */
export const LISTEN_HTTP2 = "listen: { address: 127.0.0.1:0, http2: true }";

/** A request. `authority` is a.example if it is left out. */
export interface StreamRequest {
  readonly method?: string;
  readonly path?: string;
  readonly authority?: string;
  /** `name: value` each; repeated names are sent as often, and further blanks too. */
  readonly lines?: readonly string[];
  /** The content; undefined ends the stream with the header section. A list is sent piece by piece. */
  readonly body?: string | Buffer | readonly (string | Buffer)[] | undefined;
  readonly trailers?: readonly string[];
}

/** What came of a stream. */
export interface StreamResponse extends ReceivedResponse {
  /** The statuses and lines of interim responses. */
  readonly interim: readonly { readonly status: number; readonly lines: readonly string[] }[];
  /** The code of RST_STREAM; 0 if the stream ended in order. */
  readonly resetCode: number;
  /** Whether END_STREAM came. */
  readonly isComplete: boolean;
  /** Whether END_STREAM came with the header section. */
  readonly endedAtHead: boolean;
}

type Fields = Record<string, string | string[]>;

/** Connects to a port of 127.0.0.1; the end of test `t` closes the connection. */
export function openSession(
  t: Cleanup,
  port: number,
  options: ClientSessionOptions | SecureClientSessionOptions = {},
  scheme = "http",
): ClientHttp2Session {
  const session = connect(`${scheme}://127.0.0.1:${port}`, options);
  session.on("error", () => undefined);
  t.after(() => session.destroy());
  return session;
}

/** Opens a stream, and sends its header section. */
export function openStream(session: ClientHttp2Session, request: StreamRequest): ClientHttp2Stream {
  const { method = "GET", path = "/", authority = "a.example", lines = [], body } = request;
  const pseudo = { ":method": method, ":path": path, ":authority": authority };
  const stream = session.request(
    { ...pseudo, ...toFields(lines) },
    { endStream: body === undefined, waitForTrailers: request.trailers !== undefined },
  );
  stream.on("error", () => undefined);
  stream.once("wantTrailers", () => stream.sendTrailers(toFields(request.trailers ?? [])));
  return stream;
}

/** Sends a request and reads its response, complete or not. */
export async function send(
  session: ClientHttp2Session,
  request: StreamRequest = {},
): Promise<StreamResponse> {
  const stream = openStream(session, request);
  const response = readStream(stream);
  const { body } = request;
  if (body === undefined) return response;
  const pieces = typeof body === "string" || Buffer.isBuffer(body) ? [body] : body;
  for (const piece of pieces) stream.write(piece);
  stream.end();
  return response;
}

/** Reads the response of a stream until the stream is closed. */
export function readStream(stream: ClientHttp2Stream): Promise<StreamResponse> {
  const interim: { status: number; lines: readonly string[] }[] = [];
  const chunks: Buffer[] = [];
  let head: readonly string[] = [];
  let trailers: readonly string[] = [];
  let isComplete = false;
  let endedAtHead = false;
  type Listener = (headers: unknown, flags: number, raw: string[]) => void;
  const on = (event: string, listener: Listener): void => void stream.on(event, listener);
  on("headers", (_, _flags, raw) => interim.push({ status: toStatus(raw), lines: toLines(raw) }));
  on("response", (_, flags, raw) => {
    head = raw;
    endedAtHead = (flags & 1) !== 0;
  });
  on("trailers", (_, _flags, raw) => void (trailers = toLines(raw)));
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.once("end", () => (isComplete = !stream.aborted && stream.rstCode === 0));
  return new Promise((resolve) => {
    stream.once("close", () => {
      const status = toStatus(head);
      const body = Buffer.concat(chunks);
      const lines = toLines(head);
      const start = `HTTP/2 ${status}`;
      const resetCode = stream.rstCode;
      const message = { start, status, reason: "", lines, body, rawBody: body, trailers };
      resolve({ ...message, interim, resetCode, isComplete, endedAtHead });
    });
  });
}

/** Sends a request that is written as HTTP/1.1, on a connection of its own: `sendRequest` over HTTP/2. */
export async function sendRequestOverHttp2(
  t: Cleanup,
  port: number,
  bytes: string,
): Promise<StreamResponse> {
  const [head, body] = splitOnce(bytes, "\r\n\r\n");
  const [start = "", ...all] = head.split("\r\n");
  const [method = "", path = ""] = start.split(" ");
  const authority =
    all
      .find((line) => /^host:/i.test(line))
      ?.slice("host:".length)
      .trim() ?? "";
  const lines = all.filter((line) => !/^(?:host|connection|transfer-encoding):/i.test(line));
  const session = openSession(t, port);
  const content = body === "" ? undefined : Buffer.from(body, "latin1");
  const response = await send(session, { method, path, authority, lines, body: content });
  session.close();
  return response;
}

function splitOnce(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  return [text.slice(0, at), text.slice(at + separator.length)];
}

function toFields(lines: readonly string[]): Fields {
  const fields: Fields = {};
  for (const line of lines) {
    const [name, value] = splitOnce(line, ":");
    const before = fields[name.toLowerCase()];
    const more = value.replace(/^ /, "");
    fields[name.toLowerCase()] = before === undefined ? more : [before, more].flat();
  }
  return fields;
}

/** The status in a header section as node:http2 has it: name, value, name, value, … */
export function toStatus(raw: readonly string[]): number {
  return Number(raw[raw.indexOf(":status") + 1] ?? 0);
}

/** Its regular fields as lines. */
export function toLines(raw: readonly string[]): readonly string[] {
  const lines: string[] = [];
  for (let index = 0; index < raw.length; index += 2)
    if (raw[index]?.startsWith(":") === false) lines.push(`${raw[index]}: ${raw[index + 1]}`);
  return lines;
}
