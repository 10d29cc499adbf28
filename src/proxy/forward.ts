/** Forwards a request that is neither a HEAD nor an upgrade, and relays its response. */

import { repairAllow } from "../head/allow.ts";
import { mayChange } from "../head/share/cacheability.ts";
import { toClientFields } from "../http/rewrite.ts";
import type { UpgradeFields } from "../http/request-fields.ts";
import { withoutTrailer } from "../http/trailers.ts";
import type { UpstreamResponse } from "../upstream/call.ts";
import { relayContent } from "./relay.ts";
import type { ExchangeContext } from "./round-trip.ts";

/** Forwards a request with these fields. Rejects with a ProxyError if there is no response, or if it breaks off. */
export async function forward(context: ExchangeContext, fields: readonly string[]): Promise<void> {
  const { roundTrip } = context;
  const { method } = context.exchange;
  const content = roundTrip.findContent();
  await relayResponse(context, await roundTrip.send({ method, fields, content }));
}

/** Relays a response with its content. `upgrade` is the switch of protocols that the client requested. */
export function relayResponse(
  { exchange, request, response, checked, route, snapshot }: ExchangeContext,
  received: UpstreamResponse,
  upgrade?: UpgradeFields,
): Promise<void> {
  const { status, reason, fields: raw } = received.head;
  exchange.respondedMs = received.receivedMs;
  exchange.contentLength = raw.contentLength;
  if (route.head.share > 0 && mayChange(exchange.method, status))
    snapshot.sharing.invalidate(checked);
  const { takesTrailers } = checked;
  const repaired = repairAllow(route, takesTrailers ? raw : withoutTrailer(raw));
  response.writeHead(
    status,
    reason,
    toClientFields(status, request.httpVersion, repaired, upgrade),
  );
  const trailers = takesTrailers ? raw : undefined;
  return relayContent(received.content, response, snapshot.batchWrites, trailers);
}
