/** The request for an upgrade on its way to the upstream. The door of http-proxy. */

import type { ProxyServer } from "http-proxy";
import type { ClientRequest, IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

import { ProxyError } from "../../http/errors.ts";
import { toUpgradeFields } from "../../http/upgrade.ts";
import type { TunnelRequest } from "../tunnel.ts";

/** What http-proxy believes it forwards: its check knows GET and websocket only. What goes out is in toRequestOptions. */
const STAND_IN = {
  method: "GET",
  url: "/",
  headers: { connection: "Upgrade", upgrade: "websocket" },
};

/** A request on its way. `join` is http-proxy's own handler of a 101, which ties the two sockets together. */
export interface Asked {
  readonly outgoing: ClientRequest;
  join(incoming: IncomingMessage, upstream: Duplex, head: Buffer): void;
}

/** Sends requests for upgrades; throws what Node refuses to send. */
export type Send = (request: TunnelRequest) => Asked;

/** Loaded at the first upgrade: most services never see one, and it would be a twentieth of the time until headgate is ready. */
export async function loadSend(): Promise<Send> {
  const { createProxyServer } = await import("http-proxy");
  const proxy = createProxyServer();
  // http-proxy throws what nobody listens for. Whatever it may report is seen on the sockets and the request as well.
  proxy.on("error", () => undefined);
  return (request) => sendRequest(proxy, request);
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
      set: () => {},
    });
  }
  return pinned;
}
