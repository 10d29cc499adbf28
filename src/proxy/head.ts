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
import { isCached, recordInconclusive, recordServed, toNegativeCache } from "./head-learning.ts";
import { sendProbe } from "./head-probe.ts";
import {
  type HeadContext,
  type UpstreamResult,
  drainContent,
  relayAsIs,
  relayHeld,
  send,
  toUpstreamResult,
  writeHeaderSection,
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
  const headContext: HeadContext = leader === undefined ? context : { ...context, leader };
  exchange.head = plan.outcome;
  switch (plan.outcome) {
    case "convert":
      return respondByGet(headContext);
    case "native":
      return respondAuto(headContext);
    case "reject":
      respondLocally(toRejection(route, toRequestId(exchange)), response);
      return Promise.resolve();
    case "pass":
    case "observe":
      return respondByHead(headContext);
  }
}

async function respondByHead(context: HeadContext): Promise<void> {
  return relayAsIs(context, await send(context, "HEAD"));
}

/** Mode auto: the HEAD is sent first. If the upstream refuses it, a GET follows, and the target is added to the cache. */
async function respondAuto(context: HeadContext): Promise<void> {
  const { response, checked, exchange, route, snapshot } = context;
  const cache = toNegativeCache(snapshot.needsGet, checked);
  const cached = isCached(cache, context);
  if (typeof cached === "boolean" ? cached : await cached) {
    exchange.head = "convert";
    return respondByGet(context);
  }
  try {
    // If the upstream refuses the HEAD, its interim responses must not reach the client either.
    const held: ResponseHead[] = [];
    const received = await send(context, "HEAD", held);
    const { status, fields } = received.head;
    if (!isRefused(route, status)) {
      relayHeld(held, response);
      recordServed(cache, context, status);
      return await relayAsIs(context, received);
    }
    exchange.head = "fallback";
    await respondByGet(context, (getStatus) => {
      // If the GET is refused too, the method was not the reason. Nor was it if the upstream's Allow names HEAD.
      if (getStatus >= 500 || isRefused(route, getStatus) || allowsHead(fields))
        recordInconclusive(cache, context, getStatus);
      else cache.add(route, checked);
    });
  } finally {
    cache.endTrial(route, checked, exchange); // for a HEAD that recorded no result
  }
}

async function respondByGet(
  context: HeadContext,
  onStatus?: (status: number) => void,
): Promise<void> {
  const { response, checked, exchange, route, snapshot } = context;
  const release = snapshot.limits.acquire(route);
  if (typeof release === "number") {
    exchange.head = "reject";
    exchange.error ??= new ProxyError("head_over_limit"); // otherwise the 503 would look like the upstream's in the log
    return respondLocally(toOverload(release, toRequestId(exchange)), response);
  }
  try {
    // The plain case is inlined: each further async function costs a HEAD another microsecond.
    const result = isProbed(route, checked.fields)
      ? await sendProbe(context)
      : toUpstreamResult(await send(context, "GET"));
    onStatus?.(result.status);
    if (isMeasured(route, result.status, result.fields))
      return await respondMeasured(context, result);
    writeHeaderSection(context, result);
    snapshot.batchWrites(() => response.end()); // the client's response is complete; only headgate reads the rest
    await drainContent(context, result);
  } finally {
    release();
  }
}

/** Reads the content to learn its length, and then responds. */
async function respondMeasured(context: HeadContext, result: UpstreamResult): Promise<void> {
  context.exchange.respondedMs = result.receivedMs; // recorded now, because the client may leave while the content is read
  const drained = await drainContent(context, result);
  writeHeaderSection(context, { ...result, fields: withMeasured(result.fields, drained) });
  context.response.end();
}
