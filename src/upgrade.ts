/** The story of one request that asks to switch protocols (RFC 9110 §7.8), in order; proxy.ts tells that of all others. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

import { toClientFields } from "./http/answer.ts";
import { ProxyError, toProxyError } from "./http/errors.ts";
import { type Exchange, beginExchange, toRequestId } from "./http/exchange.ts";
import { readAnswerFields } from "./http/headers.ts";
import { toOutgoingFields } from "./http/outgoing.ts";
import { toProblem } from "./http/problem.ts";
import { checkRequest, toHead } from "./http/request.ts";
import { isTunnelled } from "./http/upgrade.ts";
import { answerLocally, flushHead, relayStream } from "./net/relay.ts";
import type { RefusedUpgrade, Tunnels } from "./net/tunnel.ts";
import type { Generation, ProxyParts } from "./proxy.ts";

/** A request with `Connection: Upgrade`, as the server hands it over. */
export interface UpgradeRequest {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** What came behind the header section. */
  readonly early: Buffer;
  /** A way to answer as HTTP on that socket, once. */
  respond(): ServerResponse;
}

/** Handles upgrades; `open` never rejects, and `observe` is called once for each. */
export interface UpgradeProxy {
  /** Whether a tunnel is what this request is for; everything else is served as if it had not asked. */
  isWanted(request: IncomingMessage): boolean;
  open(upgrade: UpgradeRequest): Promise<void>;
}

/** Creates the handler of upgrades. `idleMs` of 0 lets a silent tunnel stay. */
export function createUpgradeProxy(
  parts: ProxyParts & { readonly tunnels: Tunnels },
): UpgradeProxy {
  return {
    isWanted(request) {
      try {
        return isTunnelled(
          toHead(request),
          checkRequest(toHead(request), parts.generation().mostFields),
        );
      } catch {
        return false; // refused in proxy.ts, where there is a response to say so
      }
    },

    async open(upgrade) {
      const exchange = beginExchange(upgrade.request, parts.createId(), performance.now());
      try {
        const generation = parts.generation();
        if (parts.tunnels.count() >= generation.tunnelLimits.most)
          throw new ProxyError("connection_limit_reached");
        const end = await parts.tunnels.open(toTunnelRequest(upgrade, exchange, generation));
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
    },
  };
}

function toTunnelRequest(
  { request, socket, early, respond }: UpgradeRequest,
  exchange: Exchange,
  parts: Generation,
) {
  const checked = checkRequest(toHead(request), parts.mostFields);
  const route = (exchange.route = parts.match(checked.host, checked.path));
  const { config: upstream } = parts.upstream(route.upstream);
  exchange.upstreamMethod = exchange.method;
  exchange.sentMs = exchange.startedMs;
  return {
    client: socket,
    early,
    method: exchange.method,
    target: checked.path,
    fields: toOutgoingFields(checked.fields, {
      host: checked.host,
      peer: parts.peer?.(request.socket),
      upstream,
      requestId: parts.requestId === "forward" ? toRequestId(exchange) : undefined,
    }),
    token: checked.upgrade ?? "",
    upstream,
    ...parts.tunnelLimits,
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
      flushHead(response); // not with the first bytes of the content, which may be long in coming
      await relayStream(body, rawTrailers, response);
    },
  };
}
