/** A proxy with one planted fault, to check that the judge detects it. */

import { once } from "node:events";
import {
  type ClientRequest as OutgoingRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestOptions,
  type ServerResponse,
  createServer,
  request as send,
} from "node:http";
import {
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
  constants,
  createServer as createHttp2Server,
} from "node:http2";
import type { AddressInfo, Server } from "node:net";
import { text } from "node:stream/consumers";
import type { Upstreams } from "./disturb.ts";

/** The faults that a proxy of any version can have; `none` is the same proxy without a fault. */
export type Plant =
  | "none"
  | "mixes answers"
  | "completes what broke off"
  | "sends twice"
  | "forgets the length of a HEAD"
  | "goes on for a client that left"
  /** These two are possible over HTTP/2 only. */
  | "ends a stream before it resets it"
  | "refuses a stream that it has sent"
  | "ends a connection because of one stream";

/** A running faulty proxy. */
export interface Planted {
  readonly port: number;
  stop(): void;
}

/** The version of HTTP that a faulty proxy speaks to its clients. */
export type PlantedVersion = "http1" | "http2";

type ClientRequest = IncomingMessage | Http2ServerRequest;
type ClientResponse = ServerResponse | Http2ServerResponse;

/** How long a response may take. It is short only where the upstream stalls or sends content without an end. */
function toMaxMs(url = ""): number {
  return /\/(?:stall|endless)/.test(url) ? 1_000 : 20_000;
}

/** Starts the proxy in front of the upstreams. */
export async function startPlanted(
  plant: Plant,
  version: PlantedVersion,
  upstreams: Upstreams,
): Promise<Planted> {
  const held: { response: FetchedResponse | undefined } = { response: undefined };
  const serve = (request: ClientRequest, response: ClientResponse): void => {
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    answer(request, response).catch(() => breakOff(response));
  };
  const { server, close } = version === "http1" ? listenHttp1(serve) : listenHttp2(serve);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, stop: close };

  async function answer(request: ClientRequest, response: ClientResponse): Promise<void> {
    if (plant === "ends a stream before it resets it" && request.method === "PUT")
      return endAndReset(response);
    const content = await text(request);
    const left = new AbortController();
    const isEndless = plant === "goes on for a client that left";
    if (!isEndless) response.once("close", () => left.abort());
    const maxMs = isEndless ? 0 : toMaxMs(request.url);
    const fetching = { content, upstreams, signal: left.signal, maxMs };
    const fetched = await fetchResponse(request, fetching);
    if (plant === "sends twice" && request.method === "POST")
      await fetchResponse(request, fetching);
    const given = plant === "mixes answers" ? (held.response ?? fetched) : fetched;
    if (request.method !== "HEAD") held.response = fetched;
    respond(plant, request, response, fetched.isBroken ? fetched : given);
  }
}

function respond(
  plant: Plant,
  { method }: ClientRequest,
  response: ClientResponse,
  { status, fields, content, isBroken }: FetchedResponse,
): void {
  const { "content-length": length, ...others } = fields;
  if (isBroken && plant === "ends a connection because of one stream") endConnection(response);
  else if (isBroken && plant !== "completes what broke off") breakOff(response);
  else if (plant === "refuses a stream that it has sent" && method === "PUT")
    breakOff(response, constants.NGHTTP2_REFUSED_STREAM);
  else {
    const isForgotten = plant === "forgets the length of a HEAD" && method === "HEAD";
    writeHead(response, status, isForgotten || isBroken || length === undefined ? others : fields);
    response.end(content);
  }
}

type Serve = (request: ClientRequest, response: ClientResponse) => void;

function listenHttp1(serve: Serve): { readonly server: Server; close(): void } {
  const server = createServer({ headersTimeout: 500, connectionsCheckingInterval: 200 }, serve);
  // Each of its faults would end a process that has no listener.
  server.on("clientError", (_error, socket) => socket.destroy());
  return {
    server,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function listenHttp2(serve: Serve): { readonly server: Server; close(): void } {
  const sessions = new Set<{ destroy(): void }>();
  const server = createHttp2Server({ settings: { enableConnectProtocol: true } }, serve);
  server.on("session", (session) => {
    sessions.add(session);
    session.on("error", () => undefined).once("close", () => sessions.delete(session));
    guardMemory(session);
  });
  server.on("sessionError", () => undefined);
  return {
    server,
    close() {
      for (const session of sessions) session.destroy();
      server.close();
    },
  };
}

/**
 * node:http2 closes or destroys a session at a client's GOAWAY, while nghttp2 reads frames, and may so corrupt the heap (src/server/http2/
 * session.ts). These proxies leave the end of a connection to the client.
 */
function guardMemory(session: ServerHttp2Session): void {
  const destroy = session.destroy.bind(session);
  session.close = () => undefined;
  session.destroy = (...error) => void setImmediate(() => destroy(...error));
}

function writeHead(response: ClientResponse, status: number, fields: Fields): void {
  if ("stream" in response) response.writeHead(status, fields);
  else response.writeHead(status, fields);
}

/** Ends the response so that it does not look complete. */
function breakOff(response: ClientResponse, code: number = constants.NGHTTP2_INTERNAL_ERROR): void {
  if (!("stream" in response)) return void response.destroy();
  if (code === constants.NGHTTP2_INTERNAL_ERROR) response.stream.destroy(new Error("broken off"));
  else response.stream.close(code);
}

/** The client is still sending, so that the stream is open after END_STREAM. */
function endAndReset(response: ClientResponse): void {
  if (!("stream" in response)) return;
  const { stream } = response;
  response.writeHead(413);
  // In the same turn, Node would send RST_STREAM alone.
  response.end(() => setTimeout(() => stream.close(constants.NGHTTP2_INTERNAL_ERROR), 2));
}

function endConnection(response: ClientResponse): void {
  if ("stream" in response) response.stream.session?.destroy();
}

type Fields = Readonly<Record<string, string>>;

interface FetchedResponse {
  readonly status: number;
  readonly fields: Fields;
  readonly content: string;
  readonly isBroken: boolean;
}

interface Fetching {
  readonly content: string;
  readonly upstreams: Upstreams;
  /** Ends the request. */
  readonly signal: AbortSignal;
  /** Ends the request after this time; 0 = never. */
  readonly maxMs: number;
}

async function fetchResponse(
  { method = "", url = "", headers }: ClientRequest,
  { content, upstreams: { tcp, link }, signal, maxMs }: Fetching,
): Promise<FetchedResponse> {
  const { hostname, port } = new URL(tcp.address);
  const where: RequestOptions = url.startsWith("/unix")
    ? { socketPath: link }
    : { host: hostname, port };
  const sent = send({
    ...where,
    signal,
    path: url,
    method: method === "HEAD" ? "GET" : method,
    headers: toUpstreamFields(headers),
    agent: false,
  });
  if (maxMs > 0) setTimeout(() => sent.destroy(), maxMs).unref();
  sent.end(content === "" ? undefined : content);
  const answer = await toAnswer(sent);
  let received = "";
  answer.on("data", (piece: Buffer) => (received += piece.toString("latin1")));
  answer.on("error", () => undefined);
  await new Promise((resolve) => answer.once("close", resolve));
  const { "x-chaos-id": id, "content-length": length } = answer.headers;
  return {
    status: answer.statusCode ?? 0,
    fields: {
      "x-chaos-id": String(id),
      ...(length === undefined ? {} : { "content-length": length }),
    },
    content: received,
    isBroken: !answer.complete,
  };
}

function toAnswer(sent: OutgoingRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    sent.once("response", resolve).on("error", reject);
    sent.once("close", () => reject(new Error("no response")));
    sent.once("upgrade", (_answer, socket) => {
      socket.on("error", () => undefined).destroy();
      reject(new Error("a switch of protocols"));
    });
  });
}

function toUpstreamFields(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const dropped = new Set(["transfer-encoding", "content-length"]);
  const kept = Object.entries(headers).filter(
    ([name]) => !name.startsWith(":") && !dropped.has(name),
  );
  return Object.fromEntries(kept);
}
