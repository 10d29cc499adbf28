/** The story of one HEAD on a route with `share`; head.ts tells what follows where it asks. */

import { type Ask, type HeadParts, type HeadRequest, answerHead } from "./head.ts";
import { toExplanation } from "./head/explain.ts";
import { planShare } from "./head/plan.ts";
import type { Lead } from "./head/share.ts";
import type { Seat } from "./head/flight.ts";
import type { SharedAnswer } from "./head/shared-answer.ts";
import { type ProxyError, toProxyError } from "./http/errors.ts";
import type { Peer } from "./http/forwarded.ts";

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
  const place = parts.sharing.join({
    host: checked.host,
    path: checked.path,
    fields: checked.fields,
    identity: plan.identity,
    shareMs: route.head.share,
    cancel: asking.cancel,
  });
  switch (place.kind) {
    case "told":
      writeShared(head, parts, place.answer);
      return undefined;
    case "waits":
      return wait(head, parts, asking, place.seat);
    case "asks":
      return lead(head, parts, asking, place.lead);
    case "alone":
      return answerHead(head, parts, asking.ask);
  }
}

async function wait(
  head: HeadRequest,
  parts: HeadParts,
  { ask, cancel, whenGone }: Asking,
  seat: Seat,
): Promise<void> {
  whenGone(seat.leave);
  head.exchange.head = "shared"; // an error that comes is somebody else's too
  const answer = await seat.answer;
  if (answer !== undefined) return writeShared(head, parts, answer);
  // It was not an answer for this one. All who find that out ask at once: waiting again would queue them up.
  whenGone(cancel);
  return answerHead(head, parts, ask);
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
  { request, response, exchange, route }: HeadRequest,
  { batchWrites }: HeadParts,
  answer: SharedAnswer,
): void {
  exchange.head = "shared";
  const told = answer.toFields(request.httpVersion, performance.now());
  const fields = route.head.explain ? [...told, ...toExplanation(exchange, undefined)] : told;
  exchange.body = "none";
  response.writeHead(answer.status, answer.reason, fields);
  batchWrites(() => response.end());
}
