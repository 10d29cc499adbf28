/** The story of one HEAD from the decision to the answer, in order; handler.ts tells what comes before and after. */

import type { RouteConfig } from "../config/schema/file.ts";
import { allowsHead, repairAllow } from "../head/allow.ts";
import { type Discard, type Discarded, toLoginLimits } from "../head/drain.ts";
import { toHeadClientFields, toHeadFields } from "../head/fields.ts";
import { withExplanation } from "../head/proxy-status.ts";
import type { HeadLimits } from "../head/limits.ts";
import { isMeasured, withMeasured } from "../head/measure.ts";
import { FORGETFUL, type Memory } from "../head/memory.ts";
import { isOverridden } from "../head/override.ts";
import { isRefused, planHead } from "../head/plan.ts";
import { PROBE, isEmpty, isProbed, readProbe } from "../head/probe.ts";
import { overLimit, toOverload, toRejection } from "../head/rejection.ts";
import type { Lead, Sharing } from "../head/share/share.ts";
import { type Exchange, toRequestId } from "../http/exchange.ts";
import type { AnswerHead } from "../http/wire/response-head.ts";
import type { AnswerFields } from "../http/headers.ts";
import type { CheckedRequest } from "../http/request.ts";
import type { ClientResponse } from "../server/exchange.ts";
import { answerLocally, relayContent, relayInterim } from "./relay.ts";
import type { BatchWrites } from "../runtime/batch-writes.ts";
import type { UpstreamResponse } from "../upstream/call.ts";

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
  readonly response: ClientResponse;
  readonly checked: CheckedRequest;
  readonly exchange: Exchange;
  readonly route: RouteConfig;
  /** Told of the answer, where others wait for it or get it later. */
  readonly lead?: Pick<Lead, "answered" | "kept"> | undefined;
}

/**
 * Asks the upstream within this exchange, and may be called again. `held` takes the interim responses; without it the client gets them
 * as they come. Rejects with a ProxyError.
 */
export type Ask = (
  method: "GET" | "HEAD",
  fields: readonly string[],
  held?: AnswerHead[],
) => Promise<UpstreamResponse>;

/** Answers a HEAD. Rejects with a ProxyError where there is no answer to give. */
export function answerHead(head: HeadRequest, parts: HeadParts, ask: Ask): Promise<void> {
  const { response, checked, exchange, route } = head;
  const plan = planHead(route, checked);
  exchange.head = plan.outcome;
  switch (plan.outcome) {
    case "convert":
      return answerByGet(head, parts, ask);
    case "native":
      return answerAuto(head, parts, ask);
    case "reject":
      answerLocally(toRejection(route, toRequestId(exchange)), response);
      return Promise.resolve();
    default:
      return answerByHead(head, parts, ask);
  }
}

async function answerByHead(head: HeadRequest, parts: HeadParts, ask: Ask): Promise<void> {
  return answerAsItIs(head, parts, await ask("HEAD", toHeadFields(head.checked.fields, "HEAD")));
}

/** Mode auto: the upstream's own answer wins, and a refusal is repeated as GET and remembered. */
async function answerAuto(head: HeadRequest, parts: HeadParts, ask: Ask): Promise<void> {
  const { response, checked, exchange, route } = head;
  const memory = isOverridden(checked) ? FORGETFUL : parts.needsGet;
  const known = isKnown(memory, head);
  if (typeof known === "boolean" ? known : await known) {
    exchange.head = "convert";
    return answerByGet(head, parts, ask);
  }
  try {
    // If this response is refused, its interim responses are none of the client's business either.
    const held: AnswerHead[] = [];
    const answer = await ask("HEAD", toHeadFields(checked.fields, "HEAD"), held);
    const { status, fields } = answer.head;
    if (!isRefused(route, status)) {
      relayHeld(held, response);
      noteServed(memory, head, status);
      return await answerAsItIs(head, parts, answer);
    }
    exchange.head = "fallback";
    await answerByGet(head, parts, ask, (got) => {
      // A GET that is refused as well has not helped, and an upstream that allows HEAD has refused something else.
      if (got >= 500) memory.giveUp(route, checked);
      else if (isRefused(route, got) || allowsHead(fields)) memory.skip(route, checked);
      else memory.learn(route, checked);
    });
  } finally {
    memory.giveUp(route, checked);
  }
}

async function answerByGet(
  head: HeadRequest,
  parts: HeadParts,
  ask: Ask,
  onGot?: (status: number) => void,
): Promise<void> {
  const { response, checked, exchange, route } = head;
  const leave = parts.limits.enter(route);
  if (typeof leave === "number") {
    exchange.head = "reject";
    exchange.error ??= overLimit();
    return answerLocally(toOverload(leave, toRequestId(exchange)), response);
  }
  try {
    // The plain case is spelled out: each further async function costs a HEAD another microsecond.
    const got = isProbed(route, checked.fields)
      ? await probe(head, parts, ask)
      : toGot(await ask("GET", toHeadFields(checked.fields, "GET")));
    onGot?.(got.status);
    if (isMeasured(route, got.status, got.fields)) {
      await answerMeasured(head, parts, got);
    } else {
      writeHead(head, got);
      parts.batchWrites(() => response.end()); // the client has its answer: what follows is between headgate and the upstream
      noteDiscarded(exchange, await discard(head, parts, got), got.fields);
    }
  } finally {
    leave();
  }
}

function isKnown(memory: Memory, head: HeadRequest): boolean | Promise<boolean> {
  const known = memory.knows(head.route, head.checked);
  return typeof known === "boolean" ? known : waitForOther(known, memory, head);
}

/** Waits for another one to find out and, where that one gets no answer, for the next; a third is not waited for. */
async function waitForOther(
  first: Promise<void>,
  memory: Memory,
  { route, checked }: HeadRequest,
): Promise<boolean> {
  await first;
  const known = memory.knows(route, checked);
  if (typeof known === "boolean") return known;
  await known;
  return memory.knows(route, checked) === true;
}

/** An error of the client's may have come before the question was looked at, and one of the upstream's says nothing at all. */
function noteServed(memory: Memory, head: HeadRequest, status: number): void {
  if (status < 400) memory.forget(head.route, head.checked);
  else noteOther(memory, head, status);
}

function noteOther(memory: Memory, { route, checked }: HeadRequest, status: number): void {
  if (status < 500) memory.skip(route, checked);
  else memory.giveUp(route, checked);
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
  readonly receivedMs: number;
}

async function probe(head: HeadRequest, parts: HeadParts, ask: Ask): Promise<Got> {
  const { response, checked, exchange, route } = head;
  const sent = toHeadFields(checked.fields, "GET");
  const memory = isOverridden(checked) ? FORGETFUL : parts.refusesRange;
  const known = isKnown(memory, head);
  if (typeof known === "boolean" ? known : await known) return toGot(await ask("GET", sent));

  try {
    const held: AnswerHead[] = [];
    const probed = toGot(await ask("GET", [...sent, ...PROBE], held));
    const whole = readProbe(probed.status, probed.fields);
    if (whole !== undefined) {
      relayHeld(held, response);
      noteServed(memory, head, whole.status);
      if (whole.status === probed.status) return probed;
      exchange.head = "probed";
      return { ...probed, ...whole, reason: "OK" };
    }
    void discard(head, parts, probed);
    const got = toGot(await ask("GET", sent));
    // Where a GET without a range fares no better, the range was not the reason.
    if (got.status !== 200 || isEmpty(probed.fields)) noteOther(memory, head, got.status);
    else memory.learn(route, checked);
    return got;
  } finally {
    memory.giveUp(route, checked);
  }
}

/** The parser allows a hundred interim responses per request, which bounds `held`. */
function relayHeld(held: readonly AnswerHead[], response: ClientResponse): void {
  for (const interim of held) relayInterim(interim, response);
}

function toGot(received: UpstreamResponse): Got {
  const { head, content, sentMs, receivedMs } = received;
  const { status, reason, fields } = head;
  return { status, reason, fields, announced: fields, content, sentMs, receivedMs };
}

function answerAsItIs(
  head: HeadRequest,
  parts: HeadParts,
  answer: UpstreamResponse,
): Promise<void> {
  writeHead(head, toGot(answer));
  return relayContent(answer.content, head.response, parts.batchWrites);
}

/** Drains the content of a GET, within larger limits if closing the connection would lose the client's login. */
function discard({ route }: HeadRequest, parts: HeadParts, got: Got): Promise<Discarded> {
  const { drain } = route.head;
  return parts.discard(
    got.content,
    got.announced,
    got.content.isPrivate() ? toLoginLimits(drain) : drain,
  );
}

async function answerMeasured(head: HeadRequest, parts: HeadParts, got: Got): Promise<void> {
  const { exchange, response } = head;
  exchange.answeredMs = got.receivedMs;
  const discarded = await discard(head, parts, got);
  noteDiscarded(exchange, discarded, got.fields);
  writeHead(head, { ...got, fields: withMeasured(got.fields, discarded) });
  response.end();
}

function writeHead(
  { response, exchange, route, lead }: HeadRequest,
  { status, reason, fields, content, sentMs, receivedMs }: Got,
): void {
  exchange.answeredMs ??= receivedMs;
  const repaired = repairAllow(route, fields);
  if (content.isPrivate()) lead?.kept();
  else lead?.answered(status, reason, repaired);
  if (exchange.error !== undefined) throw exchange.error; // the client has left meanwhile
  const told = route.head.explain
    ? withExplanation(repaired, exchange, exchange.sentMs ?? sentMs)
    : repaired;
  response.writeHead(status, reason, toHeadClientFields(status, told));
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
