/** Forwards a request that is neither a HEAD nor an upgrade, and relays its response. */

import { openContent } from "./client-content.ts";
import type { ExchangeContext } from "./context.ts";
import { relayResponse } from "./relay.ts";
import { toUpstreamRequest } from "./upstream-request.ts";

/** Forwards a request with these fields. Rejects with a ProxyError if there is no response, or if it breaks off. */
export async function forward(context: ExchangeContext, fields: readonly string[]): Promise<void> {
  const { exchange, roundTrip } = context;
  const content = openContent(context);
  const request = toUpstreamRequest(context, { method: exchange.method, fields, content });
  await relayResponse(context, await roundTrip.send(request));
}
