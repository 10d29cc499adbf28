/** One request that asks to switch protocols (RFC 9110 §7.8): it gets a 101 and a tunnel, or an ordinary response. */

import type { Exchange } from "../http/exchange.ts";
import { serializeHead, toSwitchedFields } from "../http/upgrade.ts";
import type { ClientResponse } from "../server/exchange.ts";
import type { SwitchedProtocol, UpstreamResponse } from "../upstream/call.ts";
import type { Tunnels } from "./tunnel.ts";

/** Limits of upgrades; times are milliseconds. */
export interface UpgradeLimits {
  /** From the request for an upgrade to its response. */
  readonly upgradeMs: number;
  /** How long a tunnel may be idle; 0 = no limit. */
  readonly idleMs: number;
  /** The largest number of tunnels, open or requested. */
  readonly max: number;
}

/** What an upgrade needs from its exchange. */
export interface UpgradeParts {
  readonly exchange: Exchange;
  readonly response: ClientResponse;
  readonly tunnels: Tunnels;
  readonly limits: UpgradeLimits;
  /** Relays a response other than 101. */
  relay(response: UpstreamResponse): Promise<void>;
}

/**
 * Requests the upgrade. Resolves when the tunnel, or the response in its place, is over. Rejects with a ProxyError if there is no
 * response to relay.
 */
export async function answerUpgrade(
  send: () => Promise<UpstreamResponse>,
  { exchange, response, tunnels, limits, relay }: UpgradeParts,
): Promise<void> {
  const leave = tunnels.enter(limits.max);
  try {
    const received = await send();
    if (received.switched === undefined) return await relay(received);
    if (exchange.error !== undefined) {
      received.switched.socket.destroy();
      throw exchange.error; // the client has left in the meantime
    }
    exchange.answeredMs = received.receivedMs;
    exchange.tunnel = true;
    const { socket, early } = response.switchProtocol(
      toSwitchedText(received.head.reason, received.switched),
    );
    exchange.error = await tunnels.run({
      client: socket,
      early,
      upstream: received.switched.socket,
      idleMs: limits.idleMs,
    });
  } finally {
    leave();
  }
}

function toSwitchedText(reason: string, { rawFields }: SwitchedProtocol): string {
  return serializeHead({ status: 101, reason, rawFields: toSwitchedFields(rawFields) });
}
