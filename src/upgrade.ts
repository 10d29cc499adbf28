/** The story of one request that asks to switch protocols (RFC 9110 §7.8), in order; proxy.ts tells that of all others. */

import type { Duplex } from "node:stream";

import { toClientFields } from "./http/answer.ts";
import { ProxyError, toProxyError } from "./http/errors.ts";
import { type Exchange, beginExchange, toRequestId } from "./http/exchange.ts";
import { readAnswerFields } from "./http/headers.ts";
import { toOutgoingFields } from "./http/outgoing.ts";
import { toProblem } from "./http/problem.ts";
import { type CheckedRequest, checkRequest } from "./http/request.ts";
import { isTunnelled } from "./http/upgrade.ts";
import type { ClientRequest, ClientResponse } from "./net/client.ts";
import { answerLocally, relayStream } from "./net/relay.ts";
import type { RefusedUpgrade, TunnelRequest, Tunnels } from "./net/tunnel.ts";
import type { Generation, ProxyParts } from "./proxy.ts";

/** A request with `Connection: Upgrade`, as the server hands it over. */
export interface UpgradeRequest {
  readonly request: ClientRequest;
  readonly socket: Duplex;
  /** What came behind the header section. */
  readonly early: Buffer;
  /** A way to answer as HTTP on that socket, once. */
  respond(): ClientResponse;
}

/** Opens one tunnel; never rejects, and `observe` is called once. */
export type OpenUpgrade = (upgrade: UpgradeRequest) => Promise<void>;

/** What opens the tunnel that a request is for; undefined: it is to be served as if it had not asked. */
export type UpgradeProxy = (request: ClientRequest) => OpenUpgrade | undefined;

/** Creates the handler of upgrades. */
export function createUpgradeProxy(
  parts: ProxyParts & { readonly tunnels: Tunnels },
): UpgradeProxy {
  return (request) => {
    const generation = parts.generation();
    const checked = checkUpgrade(request, generation.mostFields);
    return checked && ((upgrade) => openTunnel(upgrade, { checked, generation, parts }));
  };
}

/** Undefined for what is no tunnel's, and for what is refused: proxy.ts does that, where there is a response to say so. */
function checkUpgrade(request: ClientRequest, mostFields: number): CheckedRequest | undefined {
  try {
    const checked = checkRequest(request, mostFields);
    return isTunnelled(request, checked) ? checked : undefined;
  } catch {
    return undefined;
  }
}

interface Wanted {
  readonly checked: CheckedRequest;
  /** The configuration that the request was read by, and keeps. */
  readonly generation: Generation;
  readonly parts: ProxyParts & { readonly tunnels: Tunnels };
}

async function openTunnel(upgrade: UpgradeRequest, wanted: Wanted): Promise<void> {
  const { parts, generation } = wanted;
  const exchange = beginExchange(upgrade.request, parts.createId(), performance.now());
  try {
    if (parts.tunnels.count() >= generation.tunnelLimits.most)
      throw new ProxyError("connection_limit_reached", { title: "Too many tunnels" });
    const end = await parts.tunnels.open(toTunnelRequest(upgrade, exchange, wanted));
    exchange.error = end.error;
  } catch (error) {
    exchange.error = toProxyError(error);
    exchange.status = exchange.error.status;
    if (upgrade.socket.writable)
      answerLocally(toProblem(exchange.error, toRequestId(exchange)), upgrade.respond());
  } finally {
    exchange.endedMs = performance.now();
    parts.observe(exchange);
  }
}

function toTunnelRequest(
  { request, socket, early, respond }: UpgradeRequest,
  exchange: Exchange,
  { checked, generation }: Wanted,
): TunnelRequest {
  const route = (exchange.route = generation.match(checked.host, checked.path));
  const { config: upstream } = generation.upstream(route.upstream);
  exchange.upstreamMethod = exchange.method;
  exchange.sentMs = exchange.startedMs;
  return {
    client: socket,
    early,
    method: exchange.method,
    target: checked.path,
    fields: toOutgoingFields(checked.fields, {
      host: checked.host,
      peer: generation.peer?.(request.peer),
      upstream,
      requestId: generation.requestId === "forward" ? toRequestId(exchange) : undefined,
    }),
    token: checked.upgrade ?? "",
    upstream,
    ...generation.tunnelLimits,
    onSwitched(): void {
      exchange.tunnel = true;
      exchange.status = 101;
      exchange.answeredMs = performance.now();
    },
    async refuse({ status, reason, rawFields, body, rawTrailers }: RefusedUpgrade): Promise<void> {
      exchange.status = status;
      exchange.answeredMs = performance.now();
      const response = respond();
      const answer = readAnswerFields(rawFields);
      response.writeHead(status, reason, toClientFields(status, request.httpVersion, answer));
      response.flushHead(); // not with the first bytes of the content, which may be long in coming
      await relayStream(body, rawTrailers, response);
    },
  };
}
