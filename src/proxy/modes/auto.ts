/** Mode auto: the HEAD is sent first. If the upstream refuses it, a GET follows, and later HEADs are GETs at once. */

import { formatDuration } from "../../config/units.ts";
import type { RouteConfig } from "../../config/types.ts";
import { allowsHead } from "../../head/allow.ts";
import { isOverridden } from "../../head/override.ts";
import { HEAD_MODES } from "../../http/head-outcomes.ts";
import type { ResponseHead } from "../../http/wire/response-head.ts";
import type { HeadContext } from "../context.ts";
import { isCached, recordInconclusive, recordServed, toNegativeCache } from "../head-learning.ts";
import type { HeadMode } from "../head-mode.ts";
import { relayAsIs, relayHeld, sendAs } from "../head-response.ts";
import { explainGet, respondByGet } from "./convert.ts";

/** Mode auto. */
export const AUTO: HeadMode = {
  ...HEAD_MODES.auto,
  respond: respondAuto,
  explain: ({ head }, request) => [
    `headgate sends the HEAD. After a ${head.fallbackOn.join(" or ")} it sends the request again as GET, and the client gets only the response to the GET.`,
    ...(head.fallbackOn.includes(404)
      ? []
      : [
          "headgate forwards a 404. If this backend responds to every HEAD with 404, add 404 to head.fallbackOn.",
        ]),
    ...(isOverridden(request)
      ? []
      : [`headgate remembers for ${formatDuration(head.remember)} what this path needs.`]),
    ...explainGet(head),
  ],
};

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
    const received = await sendAs(context, "HEAD", held);
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

/** Whether a status means that the upstream refuses the method HEAD (`head.fallbackOn`). */
function isRefused({ head }: RouteConfig, status: number): boolean {
  return head.fallbackOn.includes(status);
}
