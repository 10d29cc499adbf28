/** Serves one HEAD, from the plan to the response; handler.ts has what comes before and after. */

import { allowsHead } from "../head/allow.ts";
import { isMeasured, withMeasured } from "../head/measure.ts";
import { type HeadPlan, type Rejection, isRefused } from "../head/plan.ts";
import { isProbed } from "../head/probe.ts";
import { toOverload, toRejection } from "../head/rejection.ts";
import type { Leader } from "../head/share/share.ts";
import { ProxyError } from "../http/errors.ts";
import { toRequestId } from "../http/exchange.ts";
import type { ResponseHead } from "../http/wire/response-head.ts";
import { endTrial, isCached, recordServed, toNegativeCache } from "./head-learning.ts";
import { sendProbe } from "./head-probe.ts";
import {
  type HeadContext,
  type UpstreamResult,
  drain,
  relayAsIs,
  relayHeld,
  send,
  toUpstreamResult,
  writeHead,
} from "./head-response.ts";
import { respondLocally } from "./relay.ts";
import type { ExchangeContext } from "./round-trip.ts";

/** Responds to a HEAD. `leader` gets the response if other HEADs may wait for it. Rejects with a ProxyError if there is no response. */
export function respondToHead(
  context: ExchangeContext,
  plan: HeadPlan | Rejection,
  leader?: Leader,
): Promise<void> {
  const { exchange, response, route } = context;
  const head: HeadContext = leader === undefined ? context : { ...context, leader };
  exchange.head = plan.outcome;
  switch (plan.outcome) {
    case "convert":
      return respondByGet(head);
    case "native":
      return respondAuto(head);
    case "reject":
      respondLocally(toRejection(route, toRequestId(exchange)), response);
      return Promise.resolve();
    default:
      return respondByHead(head);
  }
}

async function respondByHead(head: HeadContext): Promise<void> {
  return relayAsIs(head, await send(head, "HEAD"));
}

/** Mode auto: the HEAD is sent first. If the upstream refuses it, a GET follows, and the target is added to the cache. */
async function respondAuto(head: HeadContext): Promise<void> {
  const { response, checked, exchange, route, snapshot } = head;
  const cache = toNegativeCache(snapshot.needsGet, checked);
  const cached = isCached(cache, head);
  if (typeof cached === "boolean" ? cached : await cached) {
    exchange.head = "convert";
    return respondByGet(head);
  }
  try {
    // If the upstream refuses the HEAD, its interim responses must not reach the client either.
    const held: ResponseHead[] = [];
    const received = await send(head, "HEAD", held);
    const { status, fields } = received.head;
    if (!isRefused(route, status)) {
      relayHeld(held, response);
      recordServed(cache, head, status);
      return await relayAsIs(head, received);
    }
    exchange.head = "fallback";
    await respondByGet(head, (getStatus) => {
      // If the GET is refused too, the method was not the reason. Nor was it if the upstream's Allow names HEAD.
      if (getStatus >= 500) cache.endTrial(route, checked);
      else if (isRefused(route, getStatus) || allowsHead(fields)) cache.keep(route, checked);
      else cache.add(route, checked);
    });
  } finally {
    endTrial(cache, head);
  }
}

async function respondByGet(head: HeadContext, onStatus?: (status: number) => void): Promise<void> {
  const { response, checked, exchange, route, snapshot } = head;
  const release = snapshot.limits.acquire(route);
  if (typeof release === "number") {
    exchange.head = "reject";
    exchange.error ??= new ProxyError("head_over_limit"); // otherwise the 503 would look like the upstream's in the log
    return respondLocally(toOverload(release, toRequestId(exchange)), response);
  }
  try {
    // The plain case is inlined: each further async function costs a HEAD another microsecond.
    const result = isProbed(route, checked.fields)
      ? await sendProbe(head)
      : toUpstreamResult(await send(head, "GET"));
    onStatus?.(result.status);
    if (isMeasured(route, result.status, result.fields)) return await respondMeasured(head, result);
    writeHead(head, result);
    snapshot.batchWrites(() => response.end()); // the client's response is complete; only headgate reads the rest
    await drain(head, result);
  } finally {
    release();
  }
}

/** Reads the content to learn its length, and then responds. */
async function respondMeasured(head: HeadContext, result: UpstreamResult): Promise<void> {
  head.exchange.respondedMs = result.receivedMs;
  const drained = await drain(head, result);
  writeHead(head, { ...result, fields: withMeasured(result.fields, drained) });
  head.response.end();
}
