/** The story of one HEAD on a route with `share`; head.ts tells what follows where it asks. */

import { type Ask, type HeadParts, type HeadRequest, answerHead } from "./head.ts";
import { toExplanation } from "../head/proxy-status.ts";
import { planShare } from "../head/plan.ts";
import type { Lead, Question } from "../head/share/share.ts";
import type { Seat } from "../head/share/in-flight.ts";
import type { SharedAnswer } from "../head/share/stored-response.ts";
import { type ProxyError, toProxyError } from "../http/errors.ts";
import type { Peer } from "../http/forwarded.ts";

/** How to ask the upstream, and how that ends. */
export interface Asking {
  readonly ask: Ask;
  readonly peer: Peer | undefined;
  /** Ends what is asked, and what would be asked next. */
  cancel(error: ProxyError): void;
  /** Sets what happens when the client leaves; until then that is `cancel`. */
  whenGone(leave: (error: ProxyError) => void): void;
}

/**
 * Answers a HEAD with what is known, what another one is asking, or by asking. Undefined: it is answered.
 * Rejects with a ProxyError, as `answerHead`.
 */
export function answerShared(
  head: HeadRequest,
  parts: HeadParts,
  asking: Asking,
): Promise<void> | undefined {
  const { checked, route } = head;
  const plan = planShare(route, checked, asking.peer);
  if ("obstacle" in plan) return answerHead(head, parts, asking.ask);
  return take(head, parts, asking, {
    host: checked.host,
    path: checked.path,
    fields: checked.fields,
    address: asking.peer?.address,
    identity: plan.identity,
    shareMs: route.head.share,
    patienceMs: route.responseTimeout,
    attempt: undefined,
    cancel: asking.cancel,
  });
}

function take(
  head: HeadRequest,
  parts: HeadParts,
  asking: Asking,
  question: Question,
): Promise<void> | undefined {
  const place = parts.sharing.join(question);
  switch (place.kind) {
    case "told":
      writeShared(head, parts, place.answer);
      return undefined;
    case "waits":
      return wait(head, parts, asking, { question, seat: place.seat });
    case "asks":
      return lead(head, parts, asking, place.lead);
    case "alone":
      return answerHead(head, parts, asking.ask);
  }
}

async function wait(
  head: HeadRequest,
  parts: HeadParts,
  asking: Asking,
  { question, seat }: { readonly question: Question; readonly seat: Seat },
): Promise<void> {
  const { exchange } = head;
  asking.whenGone(seat.leave);
  exchange.head = "shared"; // an error that comes is somebody else's too
  const verdict = await seat.verdict;
  if (verdict.kind === "told") return writeShared(head, parts, verdict.answer);
  if (verdict.kind === "failed") throw verdict.error;
  asking.whenGone(asking.cancel);
  if (exchange.error !== undefined) throw exchange.error; // the client has left meanwhile
  await take(head, parts, asking, { ...question, attempt: verdict.attempt });
}

async function lead(
  head: HeadRequest,
  parts: HeadParts,
  { ask, whenGone }: Asking,
  leading: Lead,
): Promise<void> {
  whenGone(leading.leave);
  try {
    await answerHead({ ...head, lead: leading }, parts, ask);
  } catch (error) {
    leading.failed(toProxyError(error));
    throw error;
  } finally {
    leading.ended();
  }
}

function writeShared(
  { response, exchange, route }: HeadRequest,
  { batchWrites }: HeadParts,
  answer: SharedAnswer,
): void {
  exchange.head = "shared";
  const told = answer.toFields(performance.now());
  const fields = route.head.explain ? [...told, ...toExplanation(exchange, undefined)] : told;
  exchange.body = "none";
  response.writeHead(answer.status, answer.reason, fields);
  batchWrites(() => response.end());
}
