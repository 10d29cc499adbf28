/** The story of one HEAD from the decision to the answer, in order; proxy.ts tells what comes before and after. */

import type { IncomingMessage, ServerResponse } from "node:http";

import type { RouteConfig } from "./config/schema.ts";
import { repairAllow } from "./head/allow.ts";
import type { Discard, Discarded } from "./head/discard.ts";
import { toHeadFields } from "./head/fields.ts";
import { isMeasured, withMeasured } from "./head/measure.ts";
import type { Memory } from "./head/memory.ts";
import { FALLBACK, isRefused, planHead } from "./head/plan.ts";
import { REJECTION } from "./head/rejection.ts";
import { toClientFields } from "./http/answer.ts";
import type { Exchange } from "./http/exchange.ts";
import { type AnswerFields, readAnswerFields } from "./http/headers.ts";
import type { CheckedRequest } from "./http/request.ts";
import { answerLocally, relayContent } from "./net/relay.ts";
import type { UpstreamAnswer } from "./net/upstream.ts";

/** What one configuration compiles to for HEADs. */
export interface HeadParts {
  readonly discard: Discard;
  /** Of HEADs that were refused. */
  readonly needsGet: Memory;
}

/** One HEAD. */
export interface HeadRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly checked: CheckedRequest;
  readonly exchange: Exchange;
  readonly route: RouteConfig;
}

/** Asks the upstream within this exchange, and may be called again. Rejects with a ProxyError. */
export type Ask = (method: "GET" | "HEAD", fields: readonly string[]) => Promise<UpstreamAnswer>;

/** Answers a HEAD. Rejects with a ProxyError where there is no answer to give. */
export async function answerHead(
  { request, response, checked, exchange, route }: HeadRequest,
  parts: HeadParts,
  ask: Ask,
): Promise<void> {
  const { needsGet } = parts;
  const planned = planHead(route, checked, needsGet.knows);
  exchange.head = planned.outcome;
  if (planned.outcome === "reject") return answerLocally(REJECTION, response);
  let plan = planned;
  let answer = await ask(plan.upstreamMethod, toHeadFields(checked.fields, plan));
  if (isRefused(plan, route, answer.head.status)) {
    plan = FALLBACK;
    exchange.head = plan.outcome;
    answer = await ask(plan.upstreamMethod, toHeadFields(checked.fields, plan));
    // A GET that is refused as well has not helped.
    if (!route.head.fallbackOn.includes(answer.head.status)) needsGet.learn(route, checked.path);
  } else if (plan.outcome === "native") needsGet.forget(route, checked.path);
  exchange.answeredMs = performance.now();

  const { status, reason, rawFields } = answer.head;
  const fields = repairAllow(route, readAnswerFields(rawFields));
  if (plan.upstreamMethod === "GET" && isMeasured(route, status, fields)) {
    const discarded = await parts.discard(answer.content, fields, route.head.drain);
    noteDiscarded(exchange, discarded, fields);
    if (exchange.error !== undefined) throw exchange.error; // the client has left meanwhile
    const measured = withMeasured(fields, discarded);
    response.writeHead(status, reason, toClientFields(status, request.httpVersion, measured));
    response.end();
    return;
  }
  response.writeHead(status, reason, toClientFields(status, request.httpVersion, fields));
  if (plan.upstreamMethod === "HEAD") return relayContent(answer.content, response);
  response.end(); // the client has its answer: what follows is between headgate and the upstream
  const discarded = await parts.discard(answer.content, fields, route.head.drain);
  noteDiscarded(exchange, discarded, fields);
}

function noteDiscarded(
  exchange: Exchange,
  { body, bytes }: Discarded,
  { contentLength = 0 }: AnswerFields,
): void {
  exchange.body = body;
  exchange.bytesDrained = bytes;
  exchange.bytesSpared = Math.max(0, contentLength - bytes);
}
