/** The story of one request, in order; head.ts tells the part of a HEAD, proxy/upgrade.ts that of an upgrade. Every step lives in its own file; this one only tells the sequence. */

import type { RouteConfig, UpstreamConfig } from "./config/schema.ts";
import { type Ask, type HeadParts, answerHead } from "./head.ts";
import { repairAllow } from "./head/allow.ts";
import { toOptionsReply } from "./head/options.ts";
import type { AnswerHead } from "./http/answer-head.ts";
import { toClientFields } from "./http/answer.ts";
import { type ProxyError, toProxyError } from "./http/errors.ts";
import { type Exchange, beginExchange, toRequestId } from "./http/exchange.ts";
import type { Peer } from "./http/forwarded.ts";
import { filterFields } from "./http/headers.ts";
import { toLocalAnswer, withMaxForwards } from "./http/local.ts";
import { toOutgoingFields } from "./http/outgoing.ts";
import { type LocalAnswer, toProblem } from "./http/problem.ts";
import { type CheckedRequest, checkRequest } from "./http/request.ts";
import { withoutTrailer } from "./http/trailers.ts";
import { toTunnel } from "./http/upgrade.ts";
import type { ClientRequest, ClientResponse } from "./net/client.ts";
import {
  type Expectation,
  answerLocally,
  breakOff,
  relayContent,
  relayInterim,
  toContent,
} from "./net/relay.ts";
import { RoundTrip } from "./proxy/round-trip.ts";
import type { Tunnels } from "./proxy/tunnel.ts";
import { type UpgradeLimits, answerUpgrade } from "./proxy/upgrade.ts";
import { answerShared } from "./shared.ts";
import type { UpstreamRequest, UpstreamResponse } from "./upstream/call.ts";
import type { RequestContent } from "./upstream/connection.ts";
import type { ConnectionPool } from "./upstream/pool.ts";

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

/** What health checks are answered with, and no download. */
const SHORT_BYTES = 16 * 1024;

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
      endInError(exchange, exchange.error, response);
    } finally {
      const { overMs } = response; // 0: the response is the last to end
      await over;
      roundTrip.settle();
      end(exchange, response, contentLength, overMs);
      observe(exchange);
    }
  };
}

interface Sent {
  readonly method: string;
  /** End-to-end. */
  readonly fields: readonly string[];
  readonly content?: RequestContent | undefined;
  readonly upgrade?: CheckedRequest["upgrade"];
  /** Instead of the route's. */
  readonly responseMs?: number;
  /** Takes the interim responses instead of the client. */
  readonly held?: AnswerHead[] | undefined;
}

interface Outgoing {
  readonly request: ClientRequest;
  readonly response: ClientResponse;
  readonly checked: CheckedRequest;
  readonly peer: Peer | undefined;
  readonly config: UpstreamConfig;
  readonly requestId: string | undefined;
  readonly route: RouteConfig;
  readonly expectation: Expectation;
}

function toUpstreamRequest(
  { method, fields, content, upgrade, responseMs, held }: Sent,
  { request, response, checked, peer, config, requestId, route, expectation }: Outgoing,
): UpstreamRequest {
  const expectsContinue = expectation === "forwarded" && content !== undefined;
  const sent = expectation === "met" ? filterFields(fields, (name) => name !== "expect") : fields;
  return {
    method,
    path: checked.path,
    fields: toOutgoingFields(sent, { host: checked.host, peer, upstream: config, requestId }),
    framing: content === undefined ? "none" : checked.framing,
    content,
    expectsContinue,
    upgrade,
    takesTrailers: checked.takesTrailers,
    isStrict: route.strict,
    responseContent: method === "GET" && request.method === "HEAD" ? "skip" : "relay",
    responseMs: responseMs ?? route.responseTimeout,
    idleMs: route.idleTimeout,
    owner: request.peer,
    onInterim(interim) {
      // headgate has said 100 itself, or reads no content and asks for none.
      if (interim.status === 100 && checked.expectsContinue && !expectsContinue) return;
      if (held === undefined) relayInterim(interim, response);
      else held.push(interim);
    },
  };
}

/** RFC 9110 §10.1.1: HTTP/1.0 knows no 100, so that its client would wait for what the upstream cannot say. */
function toExpectation({ expectsContinue }: CheckedRequest, pool: ConnectionPool): Expectation {
  if (!expectsContinue) return "none";
  return pool.speaksHttp10() ? "met" : "forwarded";
}

// RFC 9111 §4.4: an unsafe request (RFC 9110 §9.2.1) that was not answered by an error may have changed its target. Those that
// were refused must not: a client that repeats them would switch sharing off for all.
function mayChange(method: string, status: number): boolean {
  return status < 400 && method !== "GET" && method !== "OPTIONS" && method !== "TRACE";
}

/** The response to what is addressed to headgate itself, by its method or by the route's word. */
function findLocalAnswer(
  request: ClientRequest,
  checked: CheckedRequest,
  route: RouteConfig,
): LocalAnswer | undefined {
  return toLocalAnswer(request, checked) ?? toOptionsReply(request.method, checked.fields, route);
}

function findContent(outgoing: Outgoing): RequestContent | undefined {
  const { request, response, checked, expectation } = outgoing;
  return checked.framing === "none" ? undefined : toContent(request, response, expectation);
}

/** Tells the client that its exchange failed: by a response, or by the visible break of one that has begun. */
function endInError(exchange: Exchange, error: ProxyError, response: ClientResponse): void {
  if (response.headersSent) return breakOff(response);
  // The plan came to nothing: neither did the upstream serve the HEAD nor did a GET stand for it.
  if (exchange.head !== undefined) exchange.head = "failed";
  if (response.isOver) return;
  answerLocally(toProblem(error, toRequestId(exchange), exchange.method), response);
}

/** `contentLength` is the response's; Infinity where it says none. */
function end(
  exchange: Exchange,
  response: ClientResponse,
  contentLength: number,
  overMs: number,
): void {
  const { error } = exchange;
  if (error?.code === "client_gone" && hasEnough(response, contentLength))
    exchange.error = undefined;
  // Behind the response, what headgate drains may have taken time.
  exchange.endedMs = overMs === 0 ? response.overMs : performance.now();
  exchange.status = response.headersSent ? response.status : (exchange.error?.status ?? 0);
}

// HAProxy's checks close as soon as they know the status. A client that leaves before a short content has begun has what it came for,
// and is no abort in the log and the metrics. More would hide clients that give up a download or a stream.
function hasEnough(response: ClientResponse, contentLength: number): boolean {
  return response.headersSent && !response.hasContentBegun && contentLength <= SHORT_BYTES;
}
