/** Serves a HEAD by a GET of the first byte (`range: probe`). */

import { isEmpty, readProbe, toProbeFields } from "../head/probe.ts";
import type { ResponseHead } from "../http/wire/response-head.ts";
import type { HeadContext } from "./context.ts";
import { isCached, recordInconclusive, recordServed, toNegativeCache } from "./head-learning.ts";
import { type UpstreamResult, relayHeld, sendAs, toUpstreamResult } from "./head-response.ts";
import { toUpstreamRequest } from "./upstream-request.ts";

/** Sends the probe. If it does not help, sends a GET without a range, and adds the target to the cache. */
export async function sendProbe(context: HeadContext): Promise<UpstreamResult> {
  const { response, checked, exchange, route, snapshot, roundTrip } = context;
  const cache = toNegativeCache(snapshot.refusesRange, checked);
  const cached = isCached(cache, context);
  if (typeof cached === "boolean" ? cached : await cached)
    return toUpstreamResult(await sendAs(context, "GET"));
  try {
    const held: ResponseHead[] = [];
    const fields = toProbeFields(checked.endToEnd);
    const probe = toUpstreamRequest(context, { method: "GET", fields, held });
    const probed = toUpstreamResult(await roundTrip.send(probe));
    const full = readProbe(probed.status, probed.fields);
    if (full !== undefined) {
      relayHeld(held, response);
      recordServed(cache, context, full.status);
      if (full.status === probed.status) return probed;
      exchange.head = "probed";
      return { ...probed, ...full, reason: "OK" };
    }
    const { content, contentInfo } = probed;
    void snapshot.drain(content, contentInfo, route.head.drain);
    const result = toUpstreamResult(await sendAs(context, "GET"));
    // If a GET without a range does no better, the range was not the reason.
    if (result.status !== 200 || isEmpty(probed.fields))
      recordInconclusive(cache, context, result.status);
    else cache.add(route, checked);
    return result;
  } finally {
    cache.endTrial(route, checked, exchange); // for a HEAD that recorded no result
  }
}
