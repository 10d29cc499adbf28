/** One request for a switch of protocols (RFC 9110 §7.8): it gets a 101 and a tunnel, or an ordinary response. */

import { toSwitchedFields } from "../http/upgrade-fields.ts";
import type { ServerResponse, SwitchedClient } from "../server/server-handler.ts";
import type { SwitchedProtocol } from "../upstream/call.ts";
import { openContent } from "./client-content.ts";
import type { ExchangeContext } from "./context.ts";
import type { UpgradePlan } from "./plan.ts";
import { relayResponse } from "./relay.ts";
import type { Tunnels } from "./tunnel.ts";
import { toUpstreamRequest } from "./upstream-request.ts";

/**
 * Requests the upgrade. Resolves at the end of the tunnel, or of the response in its place. Rejects with a ProxyError if there is no
 * response to relay.
 */
export async function respondToUpgrade(
  context: ExchangeContext,
  { fields, upgrade }: UpgradePlan,
  tunnels: Tunnels,
): Promise<void> {
  const { exchange, response, route, roundTrip } = context;
  const { upgradeMs, idleMs, max } = context.snapshot.upgradeLimits;
  const { method } = exchange;
  const content = openContent(context);
  // A request with content may be an ordinary upload to a backend that ignores Upgrade, so the route's time limit applies.
  const responseMs = content === undefined ? upgradeMs : route.responseTimeout;
  const release = tunnels.reserve(max);
  try {
    const received = await roundTrip.send(
      toUpstreamRequest(context, { method, fields, content, upgrade, responseMs }),
    );
    const { switched } = received;
    // Refused, or ignored: the client gets an ordinary response. handler.ts has set that its connection closes behind it.
    if (switched === undefined) return await relayResponse(context, received, upgrade);
    if (exchange.error !== undefined) {
      switched.socket.destroy();
      throw exchange.error; // the client has left in the meantime
    }
    exchange.respondedMs = received.receivedMs;
    const client = switchClient(response, received.head.reason, switched);
    exchange.tunnel = true;
    exchange.error = await tunnels.run({ client, upstream: switched.socket, idleMs });
  } finally {
    release();
  }
}

/** Switches the client's side, or ends the upstream's if the client cannot switch. */
function switchClient(
  response: ServerResponse,
  reason: string,
  { rawFields, socket }: SwitchedProtocol,
): SwitchedClient {
  try {
    return response.switchProtocol(reason, toSwitchedFields(rawFields));
  } catch (error) {
    socket.destroy();
    throw error;
  }
}
