/** Forwards a request that is neither a HEAD nor an upgrade, and relays its response. */

import { relayResponse } from "./relay.ts";
import type { ExchangeContext } from "./round-trip.ts";

/** Forwards a request with these fields. Rejects with a ProxyError if there is no response, or if it breaks off. */
export async function forward(context: ExchangeContext, fields: readonly string[]): Promise<void> {
  const { roundTrip } = context;
  const { method } = context.exchange;
  const content = roundTrip.openContent();
  await relayResponse(context, await roundTrip.send({ method, fields, content }));
}
