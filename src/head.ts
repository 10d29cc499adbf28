/** The story of one HEAD from the decision to the answer, in order; proxy.ts tells what comes before and after. */

import type { RouteConfig } from "./config/schema.ts";
import { repairAllow } from "./head/allow.ts";
import type { Discard, Discarded } from "./head/discard.ts";
import { toHeadFields } from "./head/fields.ts";
import { withExplanation } from "./head/explain.ts";
import type { HeadLimits } from "./head/limits.ts";
import { isMeasured, withMeasured } from "./head/measure.ts";
import type { Memory } from "./head/memory.ts";
import { isRefused, planHead } from "./head/plan.ts";
import { PROBE, isEmpty, readProbe } from "./head/probe.ts";
import { REJECTION, overLimit, toOverload } from "./head/rejection.ts";
import type { Lead, Sharing } from "./head/share.ts";
import { toClientFields } from "./http/answer.ts";
import type { Exchange } from "./http/exchange.ts";
import type { AnswerFields } from "./http/headers.ts";
import type { CheckedRequest } from "./http/request.ts";
import type { ClientRequest, ClientResponse } from "./net/client.ts";
import { answerLocally, relayContent } from "./net/relay.ts";
import type { BatchWrites } from "./upstream/batch-writes.ts";
import type { UpstreamResponse } from "./upstream/call.ts";

/** What one configuration compiles to for HEADs. */
export interface HeadParts {
  readonly discard: Discard;
  /** Of HEADs that were refused. */
  readonly needsGet: Memory;
  /** Of probes that had to be repeated. */
  readonly refusesRange: Memory;
  readonly limits: HeadLimits;
  readonly sharing: Sharing;
  /** For writes that may wait for the end of the turn. */
  readonly batchWrites: BatchWrites;
}

/** One HEAD. */
export interface HeadRequest {
  readonly request: ClientRequest;
  readonly response: ClientResponse;
  readonly checked: CheckedRequest;
  readonly exchange: Exchange;
  readonly route: RouteConfig;
  /** Told of the answer, where others wait for it or get it later. */
  readonly lead?: Pick<Lead, "answered"> | undefined;
}

/** Asks the upstream within this exchange, and may be called again. Rejects with a ProxyError. */
export type Ask = (method: "GET" | "HEAD", fields: readonly string[]) => Promise<UpstreamResponse>;

/** Answers a HEAD. Rejects with a ProxyError where there is no answer to give. */
export async function answerHead(head: HeadRequest, parts: HeadParts, ask: Ask): Promise<void> {
  const { response, checked, exchange, route } = head;
  const plan = planHead(route, checked, parts.needsGet.knows);
  exchange.head = plan.outcome;
  if (plan.outcome === "reject") return answerLocally(REJECTION, response);

  if (plan.upstreamMethod === "HEAD") {
    const answer = await ask("HEAD", toHeadFields(checked.fields, "HEAD"));
    if (!isRefused(plan, route, answer.head.status)) {
      if (plan.outcome === "native") parts.needsGet.forget(route, checked.path);
      return answerAsItIs(head, parts, answer);
    }
    exchange.head = "fallback";
  }

  const leave = parts.limits.enter(route);
  if (typeof leave === "number") {
    exchange.head = "reject";
    exchange.error ??= overLimit();
    return answerLocally(toOverload(leave), response);
  }
  try {
    // The plain case is spelled out: each further async function costs a HEAD another microsecond.
    const got =
      route.head.range === "strip"
        ? toGot(await ask("GET", toHeadFields(checked.fields, "GET")))
        : await probe(head, parts, ask);
    // It was refused as HEAD; a GET that is refused as well has not helped.
    if (plan.outcome === "native" && !route.head.fallbackOn.includes(got.status))
      parts.needsGet.learn(route, checked.path);
    if (isMeasured(route, got.status, got.fields)) {
      await answerMeasured(head, parts, got);
    } else {
      writeHead(head, got);
      parts.batchWrites(() => response.end()); // the client has its answer: what follows is between headgate and the upstream
      const discarded = await parts.discard(got.content, got.announced, route.head.drain);
      noteDiscarded(exchange, discarded, got.fields);
    }
  } finally {
    leave();
  }
}

/** The answer to a GET that stands for a HEAD. */
interface Got {
  readonly status: number;
  readonly reason: string;
  /** What the client is told. */
  readonly fields: AnswerFields;
  /** What the upstream said of the content that comes. */
  readonly announced: AnswerFields;
  readonly content: UpstreamResponse["content"];
  readonly sentMs: number | undefined;
}

async function probe(
  { checked, exchange, route }: HeadRequest,
  { refusesRange, discard }: HeadParts,
  ask: Ask,
): Promise<Got> {
  const sent = toHeadFields(checked.fields, "GET");
  if (refusesRange.knows(route, checked.path)) return toGot(await ask("GET", sent));

  const probed = toGot(await ask("GET", [...sent, ...PROBE]));
  const whole = readProbe(probed.status, probed.fields);
  if (whole !== undefined) {
    refusesRange.forget(route, checked.path);
    if (whole.status === probed.status) return probed;
    exchange.head = "probed";
    return { ...probed, ...whole, reason: "OK" };
  }
  void discard(probed.content, probed.announced, route.head.drain);
  if (!isEmpty(probed.fields)) refusesRange.learn(route, checked.path);
  return toGot(await ask("GET", sent));
}

function toGot({ head: { status, reason, fields }, content, sentMs }: UpstreamResponse): Got {
  return { status, reason, fields, announced: fields, content, sentMs };
}

function answerAsItIs(
  head: HeadRequest,
  parts: HeadParts,
  answer: UpstreamResponse,
): Promise<void> {
  writeHead(head, toGot(answer));
  return relayContent(answer.content, head.response, parts.batchWrites);
}

async function answerMeasured(head: HeadRequest, parts: HeadParts, got: Got): Promise<void> {
  const { exchange, response, route } = head;
  exchange.answeredMs = performance.now();
  const discarded = await parts.discard(got.content, got.announced, route.head.drain);
  noteDiscarded(exchange, discarded, got.fields);
  writeHead(head, { ...got, fields: withMeasured(got.fields, discarded) });
  response.end();
}

function writeHead(
  { request, response, exchange, route, lead }: HeadRequest,
  { status, reason, fields, sentMs }: Got,
): void {
  exchange.answeredMs ??= performance.now();
  const repaired = repairAllow(route, fields);
  lead?.answered(status, reason, repaired);
  if (exchange.error !== undefined) throw exchange.error; // the client has left meanwhile
  const told = route.head.explain
    ? withExplanation(repaired, exchange, exchange.sentMs ?? sentMs)
    : repaired;
  response.writeHead(status, reason, toClientFields(status, request.httpVersion, told));
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
