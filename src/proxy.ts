/** The story of one request, in order. Every step lives in its own file; this one only tells the sequence. */

import type { IncomingMessage, ServerResponse } from "node:http";

import type { RouteConfig, UpstreamConfig } from "./config/schema.ts";
import type { Discard } from "./head/discard.ts";
import { toUpstreamFields } from "./head/fields.ts";
import { type HeadPlan, planHead } from "./head/plan.ts";
import { toClientFields } from "./http/answer.ts";
import { ProxyError, toProxyError } from "./http/errors.ts";
import { type Exchange, beginExchange, toRequestId } from "./http/exchange.ts";
import type { Peer } from "./http/forwarded.ts";
import { type AnswerFields, readAnswerFields } from "./http/headers.ts";
import { toLocalAnswer } from "./http/local.ts";
import { toProblem } from "./http/problem.ts";
import { type CheckedRequest, checkRequest, toHead } from "./http/request.ts";
import { answerLocally, breakOff, relayContent, relayInterim, toContent } from "./net/relay.ts";
import type { Call, Upstream, UpstreamAnswer, UpstreamRequest } from "./net/upstream.ts";

/** What one configuration compiles to. An exchange keeps the one it began with. */
export interface Generation {
  match(host: string | undefined, path: string): RouteConfig;
  upstream(name: string): { readonly config: UpstreamConfig; readonly pool: Upstream };
  /** Undefined: X-Forwarded-* fields pass untouched. */
  readonly peer: ((socket: { readonly remoteAddress?: string | undefined }) => Peer) | undefined;
  /** Whether the upstream is told each request's id. */
  readonly requestId: "log" | "forward";
  readonly mostFields: number;
  readonly discard: Discard;
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
export type Proxy = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** Creates the handler of all requests that are not tunnelled. */
export function createProxy({ generation, createId, observe }: ProxyParts): Proxy {
  return async (request, response) => {
    const exchange = beginExchange(request, createId(), performance.now());
    let call: Call | undefined;
    const closed = untilClosed(response, () => {
      exchange.error ??= new ProxyError("client_gone");
      call?.cancel(exchange.error);
    });
    try {
      const parts = generation();
      const head = toHead(request);
      const checked = checkRequest(head, parts.mostFields);
      exchange.route = parts.match(checked.host, checked.path);

      const local = toLocalAnswer(head, checked);
      if (local !== undefined) {
        answerLocally(local, response);
        return;
      }

      const plan = request.method === "HEAD" ? planHead(exchange.route) : undefined;
      exchange.head = plan?.outcome;
      const { config, pool } = parts.upstream(exchange.route.upstream);
      const peer = parts.peer?.(request.socket);
      const requestId = parts.requestId === "forward" ? toRequestId(exchange) : undefined;
      exchange.upstreamMethod = plan?.upstreamMethod ?? exchange.method;
      call = pool.send(
        toUpstreamRequest({
          request,
          response,
          checked,
          plan,
          peer,
          config,
          requestId,
          route: exchange.route,
        }),
      );
      const answer = await call.answer;
      exchange.answeredMs = performance.now();

      const { status, reason, rawFields } = answer.head;
      const fields = readAnswerFields(rawFields);
      response.writeHead(status, reason, toClientFields(status, request.httpVersion, fields));
      if (plan?.upstreamMethod === "GET") {
        response.end();
        await spare(answer, fields, exchange, { discard: parts.discard, route: exchange.route });
      } else {
        await relayContent(answer.content, response);
      }
    } catch (error) {
      exchange.error ??= toProxyError(error);
      call?.cancel(exchange.error);
      if (response.headersSent) breakOff(response);
      else if (!response.destroyed)
        answerLocally(toProblem(exchange.error, toRequestId(exchange)), response);
    } finally {
      await closed;
      end(exchange, call, response);
      observe(exchange);
    }
  };
}

/** Resolves when the client has its answer or has left; `onGone` is called in the second case. */
function untilClosed(response: ServerResponse, onGone: () => void): Promise<void> {
  return new Promise((resolve) => {
    response.once("close", () => {
      if (!response.writableFinished) onGone();
      resolve();
    });
  });
}

interface Outgoing {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly checked: CheckedRequest;
  readonly plan: HeadPlan | undefined;
  readonly peer: Peer | undefined;
  readonly config: UpstreamConfig;
  readonly requestId: string | undefined;
  readonly route: RouteConfig;
}

function toUpstreamRequest({
  request,
  response,
  checked,
  plan,
  peer,
  config,
  requestId,
  route,
}: Outgoing): UpstreamRequest {
  const method = plan?.upstreamMethod ?? request.method ?? "";
  return {
    method,
    path: checked.path,
    fields: toUpstreamFields(method, checked.fields, plan, {
      host: checked.host,
      peer,
      upstream: config,
      requestId,
    }),
    content:
      plan === undefined && checked.framing !== "none"
        ? toContent(request, response, checked)
        : undefined,
    responseMs: route.responseTimeout,
    idleMs: route.idleTimeout,
    onInterim: (answer) => relayInterim(answer, response),
  };
}

interface Spared {
  readonly discard: Discard;
  readonly route: RouteConfig;
}

/** The content of the GET behind a HEAD: the client has its answer, this is between headgate and the upstream. */
async function spare(
  answer: UpstreamAnswer,
  announced: AnswerFields,
  exchange: Exchange,
  { discard, route }: Spared,
): Promise<void> {
  const { body, bytes } = await discard(answer.content, announced, route.head.drain);
  exchange.body = body;
  exchange.bytesDrained = bytes;
  exchange.bytesSpared = Math.max(0, (announced.contentLength ?? 0) - bytes);
}

function end(exchange: Exchange, call: Call | undefined, response: ServerResponse): void {
  exchange.endedMs = performance.now();
  exchange.sentMs = call?.sentMs();
  exchange.retries = call?.retries() ?? 0;
  exchange.status = response.headersSent ? response.statusCode : (exchange.error?.status ?? 0);
}
