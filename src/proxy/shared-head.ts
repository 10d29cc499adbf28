/** Serves one HEAD on a route with `share`: hit, wait, lead or bypass. */

import { type HeadPlan, type Rejection, planShare } from "../head/plan.ts";
import { toExplanation } from "../head/proxy-status.ts";
import type { Waiter } from "../head/share/in-flight.ts";
import type { Leader, ShareRequest } from "../head/share/share.ts";
import type { StoredResponse } from "../head/share/stored-response.ts";
import { toProxyError } from "../http/errors.ts";
import { respondToHead } from "./head.ts";
import type { ExchangeContext } from "./round-trip.ts";

/** Responds to a HEAD. Returns undefined if it has responded at once, from a stored response. Rejects as `respondToHead` does. */
export function respondShared(
  context: ExchangeContext,
  plan: HeadPlan | Rejection,
): Promise<void> | undefined {
  const { checked, route, roundTrip } = context;
  // A response on a connection with a login is for its client only, and responses of other clients may be wrong for that client.
  if (roundTrip.hasLogin()) return respondToHead(context, plan);
  const { peer } = roundTrip;
  const cacheKey = planShare(route, checked, peer);
  if ("bypassReason" in cacheKey) return respondToHead(context, plan);
  return join(context, plan, {
    host: checked.host,
    path: checked.path,
    fields: checked.fields,
    address: peer?.address,
    key: cacheKey.key,
    shareMs: route.head.share,
    responseTimeoutMs: route.responseTimeout,
    attempt: undefined,
    cancel: (error) => roundTrip.abort(error),
  });
}

function join(
  context: ExchangeContext,
  plan: HeadPlan | Rejection,
  request: ShareRequest,
): Promise<void> | undefined {
  const result = context.snapshot.sharing.join(request);
  switch (result.kind) {
    case "hit":
      writeStored(context, result.response);
      return undefined;
    case "wait":
      return wait(context, plan, request, result.waiter);
    case "lead":
      return lead(context, plan, result.leader);
    case "bypass":
      return respondToHead(context, plan);
  }
}

/** Waits for the result of another HEAD. If that cannot be shared, joins again. */
async function wait(
  context: ExchangeContext,
  plan: HeadPlan | Rejection,
  request: ShareRequest,
  waiter: Waiter,
): Promise<void> {
  const { exchange, roundTrip } = context;
  roundTrip.setLeave(waiter.leave);
  exchange.head = "shared"; // an error is shared as well
  const result = await waiter.result;
  if (result.kind === "response") return writeStored(context, result.response);
  if (result.kind === "error") throw result.error;
  roundTrip.setLeave(undefined); // this HEAD waits no longer
  if (exchange.error !== undefined) throw exchange.error; // the client has left in the meantime
  await join(context, plan, { ...request, attempt: result.attempt });
}

/** Sends the HEAD for itself and others. head-response.ts passes its response to the leader before the client gets it. */
async function lead(
  context: ExchangeContext,
  plan: HeadPlan | Rejection,
  leader: Leader,
): Promise<void> {
  context.roundTrip.setLeave(leader.leave);
  try {
    await respondToHead(context, plan, leader);
  } catch (error) {
    leader.onError(toProxyError(error));
    throw error;
  } finally {
    leader.onEnd();
  }
}

function writeStored(
  { response, exchange, route, snapshot }: ExchangeContext,
  stored: StoredResponse,
): void {
  exchange.head = "shared";
  const fields = stored.toFields(performance.now());
  const explained = route.head.explain
    ? [...fields, ...toExplanation(exchange, undefined)]
    : fields;
  exchange.body = "none";
  response.writeHead(stored.status, stored.reason, explained);
  snapshot.batchWrites(() => response.end());
}
