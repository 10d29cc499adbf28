/** Serves a HEAD by a GET of the first byte (`range: probe`). */

import { isEmpty, readProbe, toProbeFields } from "../head/probe.ts";
import type { ResponseHead } from "../http/wire/response-head.ts";
import { endTrial, isCached, recordOther, recordServed, toNegativeCache } from "./head-learning.ts";
import {
  type HeadContext,
  type UpstreamResult,
  relayHeld,
  send,
  toUpstreamResult,
} from "./head-response.ts";

/** Sends the probe. If it does not help, sends a GET without a range, and adds the target to the cache. */
export async function sendProbe(head: HeadContext): Promise<UpstreamResult> {
  const { response, checked, exchange, route, snapshot, roundTrip } = head;
  const cache = toNegativeCache(snapshot.refusesRange, checked);
  const cached = isCached(cache, head);
  if (typeof cached === "boolean" ? cached : await cached)
    return toUpstreamResult(await send(head, "GET"));
  try {
    const held: ResponseHead[] = [];
    const fields = toProbeFields(checked.fields);
    const probed = toUpstreamResult(await roundTrip.send({ method: "GET", fields, held }));
    const full = readProbe(probed.status, probed.fields);
    if (full !== undefined) {
      relayHeld(held, response);
      recordServed(cache, head, full.status);
      if (full.status === probed.status) return probed;
      exchange.head = "probed";
      return { ...probed, ...full, reason: "OK" };
    }
    const { content, contentInfo } = probed;
    void snapshot.drain(content, contentInfo, route.head.drain);
    const result = toUpstreamResult(await send(head, "GET"));
    // If a GET without a range does no better, the range was not the reason.
    if (result.status !== 200 || isEmpty(probed.fields)) recordOther(cache, head, result.status);
    else cache.add(route, checked);
    return result;
  } finally {
    endTrial(cache, head);
  }
}
