/** Responds to one HEAD: with a stored response, with the response of another HEAD, or as the mode of its route does. */

import { toExplanation } from "../head/proxy-status.ts";
import type { Waiter } from "../head/share/in-flight.ts";
import type { Leader, ShareRequest } from "../head/share/share.ts";
import type { StoredResponse } from "../head/share/stored-response.ts";
import { toProxyError } from "../http/errors.ts";
import type { ExchangeContext } from "./context.ts";
import type { HeadMode } from "./head-mode.ts";
import type { HeadPlan } from "./plan.ts";

/**
 * Responds to a HEAD. Returns undefined if it has responded at once, from a stored response. Rejects with a ProxyError if there is no
 * response.
 */
export function respondToHead(
  context: ExchangeContext,
  { mode, share }: HeadPlan,
): Promise<void> | undefined {
  if (share === undefined || "bypassReason" in share) return serve(context, mode);
  const { request, checked, peer, route, upstream, roundTrip } = context;
  // A response on a connection with a login is for its client only, and responses of other clients may be wrong for that client.
  if (upstream.pool.hasLogin(request.peer)) return serve(context, mode);
  return respondShared(context, mode, {
    host: checked.host,
    path: checked.path,
    fields: checked.endToEnd,
    address: peer?.address,
    key: share.key,
    shareMs: route.head.share,
    responseTimeoutMs: route.responseTimeout,
    attempt: undefined,
    cancel: (error) => roundTrip.abort(error),
  });
}

/** Serves the HEAD as its mode does, for this client alone. */
function serve(context: ExchangeContext, mode: HeadMode): Promise<void> {
  context.exchange.head = mode.outcome;
  return mode.respond(context);
}

/** Decides what a HEAD that may be shared does now: hit, wait, lead or bypass. */
function respondShared(
  context: ExchangeContext,
  mode: HeadMode,
  request: ShareRequest,
): Promise<void> | undefined {
  const result = context.snapshot.sharing.join(request);
  switch (result.kind) {
    case "hit":
      writeStored(context, result.response);
      return undefined;
    case "wait":
      return wait(context, mode, request, result.waiter);
    case "lead":
      return lead(context, mode, result.leader);
    case "bypass":
      return serve(context, mode);
  }
}

/** Waits for the result of another HEAD. If that cannot be shared, decides again. */
async function wait(
  context: ExchangeContext,
  mode: HeadMode,
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
  await respondShared(context, mode, { ...request, attempt: result.attempt });
}

/** Sends the HEAD for itself and others. head-response.ts passes its response to the leader before the client gets it. */
async function lead(context: ExchangeContext, mode: HeadMode, leader: Leader): Promise<void> {
  context.roundTrip.setLeave(leader.leave);
  context.exchange.head = mode.outcome;
  try {
    await mode.respond({ ...context, leader });
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
