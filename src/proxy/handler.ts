/**
 * The story of one request, in order. head.ts tells the part of a HEAD, upgrade.ts that of an upgrade. Every step lives in a file of its
 * own; this one tells only the sequence.
 */

import type { RouteConfig, UpstreamConfig } from "../config/schema/file.ts";
import { type Ask, type HeadParts, answerHead } from "./head.ts";
import { repairAllow } from "../head/allow.ts";
import { toOptionsReply } from "../head/options.ts";
import { mayChange } from "../head/share/cacheability.ts";
import { toClientFields } from "../http/client-fields.ts";
import { type ProxyError, toProxyError } from "../http/errors.ts";
import { type Exchange, beginExchange, toRequestId } from "../http/exchange.ts";
import type { Peer } from "../http/forwarded.ts";
import { toLocalAnswer, withMaxForwards } from "../http/local-response.ts";
import type { LocalAnswer } from "../http/problem.ts";
import { type CheckedRequest, checkRequest } from "../http/request.ts";
import { withoutTrailer } from "../http/trailers.ts";
import { toTunnel } from "../http/upgrade.ts";
import type { ClientRequest, ClientResponse } from "../server/exchange.ts";
import { answerLocally, relayContent } from "./relay.ts";
import { endExchange, failExchange } from "./ending.ts";
import { RoundTrip } from "./round-trip.ts";
import type { Tunnels } from "./tunnel.ts";
import { type UpgradeLimits, answerUpgrade } from "./upgrade.ts";
import { type Sent, findContent, toExpectation, toUpstreamRequest } from "./upstream-request.ts";
import { answerShared } from "./shared-head.ts";
import type { UpstreamResponse } from "../upstream/call.ts";
import type { ConnectionPool } from "../upstream/pool.ts";

/** What one configuration compiles to. An exchange keeps the one it began with. */
export interface Generation extends HeadParts {
  match(host: string | undefined, path: string): RouteConfig;
  upstream(name: string): { readonly config: UpstreamConfig; readonly pool: ConnectionPool };
  /** Undefined: X-Forwarded-* fields pass untouched. */
  readonly peer: ((peer: { readonly remoteAddress?: string | undefined }) => Peer) | undefined;
  /** Whether the upstream is told each request's id. */
  readonly requestId: "log" | "forward";
  readonly mostFields: number;
  readonly upgradeLimits: UpgradeLimits;
}

/** What the story needs from the rest of the house. */
export interface ProxyParts {
  generation(): Generation;
  createId(): string;
  observe(exchange: Exchange): void;
  readonly tunnels: Tunnels;
}

/** Handles one request; it never rejects, and `observe` is called once for each. */
export type Proxy = (request: ClientRequest, response: ClientResponse) => Promise<void>;

/** Creates the handler of all requests. */
export function createProxy({ generation, createId, observe, tunnels }: ProxyParts): Proxy {
  return async (request, response) => {
    const exchange = beginExchange(request, createId(), performance.now());
    const roundTrip = new RoundTrip(exchange);
    const cancel = (error: ProxyError): void => roundTrip.abort(error);
    let contentLength = Infinity;
    let leave = cancel; // other clients may wait for what this one has asked
    response.onGone((error) => leave((exchange.error ??= error)));
    const over = new Promise<void>((resolve) => response.onOver(resolve)); // answered, or left
    try {
      const parts = generation();
      const checked = checkRequest(request, parts.mostFields);
      const route = (exchange.route = parts.match(checked.host, checked.path));

      // Any response but a 101 then ends the connection, headgate's own included. What comes behind the request, now or later, may
      // belong to the protocol that was asked for, and must not be parsed as further requests.
      const upgrade = toTunnel(request, checked);
      if (upgrade !== undefined) response.keepAlive = false;

      const local = findLocalAnswer(request, checked, route);
      if (local !== undefined) {
        answerLocally(local, response);
        return;
      }

      const { config, pool } = parts.upstream(route.upstream);
      const peer = parts.peer?.(request.peer);
      const requestId = parts.requestId === "forward" ? toRequestId(exchange) : undefined;
      const expectation = toExpectation(checked, pool);
      const outgoing = { request, response, checked, config, peer, requestId, route, expectation };
      const send = (sent: Sent) => roundTrip.send(pool, toUpstreamRequest(sent, outgoing));

      if (request.method === "HEAD") {
        const asking = { response, checked, exchange, route };
        const ask: Ask = (method, fields, held) => send({ method, fields, held });
        // What a client hears on a connection with a login is for it alone, and what others hear may not be true for it.
        if (route.head.share === 0 || pool.hasLogin(request.peer))
          await answerHead(asking, parts, ask);
        else {
          const whenGone = (next: typeof leave) => void (leave = next);
          const asked = answerShared(asking, parts, { ask, cancel, whenGone, peer });
          if (asked !== undefined) await asked; // what is known is told at once
        }
        return;
      }

      const { method } = exchange;
      const fields = withMaxForwards(method, checked.fields);
      const relay = (received: UpstreamResponse): Promise<void> => {
        exchange.answeredMs = received.receivedMs;
        const { status, reason, fields: raw } = received.head;
        contentLength = raw.contentLength ?? Infinity;
        if (route.head.share > 0 && mayChange(method, status)) parts.sharing.forget(checked);
        const { takesTrailers } = checked;
        const answered = repairAllow(route, takesTrailers ? raw : withoutTrailer(raw));
        const told = toClientFields(status, request.httpVersion, answered, upgrade);
        response.writeHead(status, reason, told);
        const beside = takesTrailers ? raw : undefined;
        return relayContent(received.content, response, parts.batchWrites, beside);
      };
      const content = findContent(outgoing);
      if (upgrade !== undefined) {
        const limits = parts.upgradeLimits;
        // With content it may be an upload like any other, of a backend that ignores the field.
        const responseMs = content === undefined ? limits.upgradeMs : route.responseTimeout;
        const upgraded = { exchange, response, tunnels, limits, relay };
        await answerUpgrade(() => send({ method, fields, content, upgrade, responseMs }), upgraded);
        return;
      }

      await relay(await send({ method, fields, content }));
    } catch (error) {
      exchange.error ??= toProxyError(error);
      roundTrip.abort(exchange.error);
      failExchange(exchange, exchange.error, response);
    } finally {
      await over;
      roundTrip.settle();
      endExchange(exchange, response, contentLength);
      observe(exchange);
    }
  };
}

/** The response to what is addressed to headgate itself, by its method or by the route's word. */
function findLocalAnswer(
  request: ClientRequest,
  checked: CheckedRequest,
  route: RouteConfig,
): LocalAnswer | undefined {
  return toLocalAnswer(request, checked) ?? toOptionsReply(request.method, checked.fields, route);
}
