/** A proxy with one planted fault, to check that the judge detects it. */

import { once } from "node:events";
import {
  type IncomingMessage,
  type RequestOptions,
  type ServerResponse,
  createServer,
  request as send,
} from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { Upstreams } from "./disturb.ts";

/** The fault that it has now and then; `none` is the same proxy without a fault. */
export type Plant = "none" | "mixes answers" | "completes what broke off" | "sends twice";

/** A running faulty proxy. */
export interface Planted {
  readonly port: number;
  stop(): void;
}

/** Starts the proxy in front of the upstreams. */
export async function startPlanted(plant: Plant, upstreams: Upstreams): Promise<Planted> {
  let held: FetchedResponse | undefined;
  const server = createServer((request, response) => {
    request.on("error", () => undefined);
    answer(request, response).catch(() => response.destroy());
  });
  // Each of its faults would end a process that has no listener.
  server.on("clientError", (_error, socket) => socket.destroy());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const content = await text(request);
    const fetched = await fetchResponse(request, content, upstreams);
    if (plant === "sends twice" && request.method === "POST")
      await fetchResponse(request, content, upstreams);
    if (fetched.isBroken && plant !== "completes what broke off") return void response.destroy();
    const own = fetched;
    const given = plant === "mixes answers" && held !== undefined ? held : own;
    if (request.method !== "HEAD") held = own;
    response.writeHead(given.status, given.fields);
    response.end(given.content);
  }
}

interface FetchedResponse {
  readonly status: number;
  readonly fields: Readonly<Record<string, string>>;
  readonly content: string;
  readonly isBroken: boolean;
}

async function fetchResponse(
  { method = "", url = "", headers }: IncomingMessage,
  content: string,
  { tcp, link }: Upstreams,
): Promise<FetchedResponse> {
  const { hostname, port } = new URL(tcp.address);
  const where: RequestOptions = url.startsWith("/unix")
    ? { socketPath: link }
    : { host: hostname, port };
  const { "transfer-encoding": _coding, "content-length": _length, ...fields } = headers;
  const sent = send({
    ...where,
    path: url,
    method: method === "HEAD" ? "GET" : method,
    headers: fields,
    agent: false,
  });
  sent.on("error", () => undefined).setTimeout(1_000, () => sent.destroy());
  sent.end(content === "" ? undefined : content);
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  let received = "";
  answer.on("data", (piece: Buffer) => (received += piece.toString("latin1")));
  answer.on("error", () => undefined);
  await new Promise((resolve) => answer.once("close", resolve));
  return {
    status: answer.statusCode ?? 0,
    fields: { "X-Chaos-Id": String(answer.headers["x-chaos-id"]) },
    content: received,
    isBroken: !answer.complete,
  };
}
