/** The story of one request, in order; head.ts tells the part of a HEAD. Every step lives in its own file; this one only tells the sequence. */

import type { Readable } from "node:stream";

import type { RouteConfig, UpstreamConfig } from "./config/schema.ts";
import { type HeadParts, answerHead } from "./head.ts";
import { repairAllow } from "./head/allow.ts";
import { toClientFields } from "./http/answer.ts";
import { type ProxyError, toProxyError } from "./http/errors.ts";
import { type Exchange, beginExchange, toRequestId } from "./http/exchange.ts";
import type { Peer } from "./http/forwarded.ts";
import { toLocalAnswer, withMaxForwards } from "./http/local.ts";
import { toOutgoingFields } from "./http/outgoing.ts";
import { toProblem } from "./http/problem.ts";
import { type CheckedRequest, checkRequest } from "./http/request.ts";
import type { ClientRequest, ClientResponse } from "./net/client.ts";
import { answerLocally, breakOff, relayContent, relayInterim, toContent } from "./net/relay.ts";
import type { Upstream } from "./net/upstream.ts";
import type { Call, UpstreamRequest } from "./net/upstream/call.ts";
import { answerShared } from "./shared.ts";

/** What one configuration compiles to. An exchange keeps the one it began with. */
export interface Generation extends HeadParts {
  match(host: string | undefined, path: string): RouteConfig;
  upstream(name: string): { readonly config: UpstreamConfig; readonly pool: Upstream };
  /** Undefined: X-Forwarded-* fields pass untouched. */
  readonly peer: ((peer: { readonly remoteAddress?: string | undefined }) => Peer) | undefined;
  /** Whether the upstream is told each request's id. */
  readonly requestId: "log" | "forward";
  readonly mostFields: number;
  /** Until the answer to an upgrade, and between bytes of a tunnel. */
  readonly tunnelLimits: {
    readonly upgradeMs: number;
    readonly idleMs: number;
    /** How many may be open at one time. */
    readonly most: number;
  };
}

/** What the story needs from the rest of the house. */
export interface ProxyParts {
  generation(): Generation;
  createId(): string;
  observe(exchange: Exchange): void;
}

/** Handles one request; it never rejects, and `observe` is called once for each. */
export type Proxy = (request: ClientRequest, response: ClientResponse) => Promise<void>;

/** Creates the handler of all requests that are not tunnelled. */
export function createProxy({ generation, createId, observe }: ProxyParts): Proxy {
  return async (request, response) => {
    const exchange = beginExchange(request, createId(), performance.now());
    let call: Call | undefined;
    let cancelled: ProxyError | undefined;
    const cancel = (error: ProxyError): void => {
      cancelled = error;
      call?.cancel(error);
    };
    let leave = cancel; // others may wait for what this client has asked
    response.onGone((error) => leave((exchange.error ??= error)));
    const over = new Promise<void>((resolve) => response.onOver(resolve)); // answered, or left
    try {
      const parts = generation();
      const checked = checkRequest(request, parts.mostFields);
      const route = (exchange.route = parts.match(checked.host, checked.path));

      const local = toLocalAnswer(request, checked);
      if (local !== undefined) {
        answerLocally(local, response);
        return;
      }

      const { config, pool } = parts.upstream(route.upstream);
      const peer = parts.peer?.(request.peer);
      const requestId = parts.requestId === "forward" ? toRequestId(exchange) : undefined;
      const outgoing = { config, host: checked.host, peer, requestId, route };

      if (request.method === "HEAD") {
        const asking = { request, response, checked, exchange, route };
        const ask = (asked: "GET" | "HEAD", fields: readonly string[]) => {
          if (call !== undefined) noteCall(exchange, call);
          if (cancelled !== undefined) throw cancelled; // the client has left in between
          exchange.upstreamMethod = asked;
          call = pool.send(
            toUpstreamRequest({ method: asked, fields, response, checked }, outgoing),
          );
          return call.answer;
        };
        if (route.head.share === 0) await answerHead(asking, parts, ask);
        else {
          const whenGone = (next: typeof leave) => void (leave = next);
          const asked = answerShared(asking, parts, { ask, cancel, whenGone, peer });
          if (asked !== undefined) await asked; // what is known is told at once
        }
        return;
      }

      const method = (exchange.upstreamMethod = exchange.method);
      const fields = withMaxForwards(method, checked.fields);
      const content = checked.framing === "none" ? undefined : toContent(request, response);
      call = pool.send(toUpstreamRequest({ method, fields, response, checked, content }, outgoing));
      const answer = await (route.head.share === 0 || isSafe(method)
        ? call.answer
        : call.answer.finally(() => parts.sharing.forget(checked)));
      exchange.answeredMs = performance.now();

      const { status, reason, fields: raw } = answer.head;
      const answered = repairAllow(route, raw);
      response.writeHead(status, reason, toClientFields(status, request.httpVersion, answered));
      await relayContent(answer.content, response, parts.gather);
    } catch (error) {
      exchange.error ??= toProxyError(error);
      call?.cancel(exchange.error);
      if (response.headersSent) breakOff(response);
      else if (!response.isOver)
        answerLocally(toProblem(exchange.error, toRequestId(exchange)), response);
    } finally {
      await over;
      end(exchange, call, response);
      observe(exchange);
    }
  };
}

interface Asked {
  readonly method: string;
  /** End-to-end. */
  readonly fields: readonly string[];
  readonly response: ClientResponse;
  readonly checked: CheckedRequest;
  readonly content?: Readable | undefined;
}

interface Outgoing {
  readonly host: string | undefined;
  readonly peer: Peer | undefined;
  readonly config: UpstreamConfig;
  readonly requestId: string | undefined;
  readonly route: RouteConfig;
}

function toUpstreamRequest(
  { method, fields, response, checked, content }: Asked,
  { host, peer, config, requestId, route }: Outgoing,
): UpstreamRequest {
  return {
    method,
    path: checked.path,
    fields: toOutgoingFields(fields, { host, peer, upstream: config, requestId }),
    framing: content === undefined ? "none" : checked.framing,
    content,
    answerContent: method === "GET" && response.request.method === "HEAD" ? "skip" : "relay",
    responseMs: route.responseTimeout,
    idleMs: route.idleTimeout,
    onInterim: (answer) => relayInterim(answer, response, checked),
  };
}

// RFC 9110 §9.2.1: the others may have changed what HEADs of their target are answered with (RFC 9111 §4.4).
function isSafe(method: string): boolean {
  return method === "GET" || method === "OPTIONS" || method === "TRACE";
}

/** What a request on its way knows. A HEAD may need several: it was sent when the first was. */
function noteCall(exchange: Exchange, call: Call): void {
  exchange.sentMs ??= call.sentMs();
  exchange.retries += call.retries();
}

function end(exchange: Exchange, call: Call | undefined, response: ClientResponse): void {
  exchange.endedMs = performance.now();
  if (call !== undefined) noteCall(exchange, call);
  exchange.status = response.headersSent ? response.status : (exchange.error?.status ?? 0);
}
