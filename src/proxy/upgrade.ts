/** The story of one request that asks to switch protocols (RFC 9110 §7.8): a 101 and a tunnel, or an ordinary response. */

import type { Exchange } from "../http/exchange.ts";
import { serializeHead, toSwitchedFields } from "../http/upgrade.ts";
import type { ClientResponse } from "../net/client.ts";
import type { SwitchedProtocol, UpstreamResponse } from "../upstream/call.ts";
import type { TunnelLimits, Tunnels } from "./tunnel.ts";

/** Limits of upgrades; times are milliseconds. */
export interface UpgradeLimits extends TunnelLimits {
  /** Until the response to the request for an upgrade. */
  readonly upgradeMs: number;
  /** How many may be open or asked for at one time. */
  readonly max: number;
}

/** What an upgrade needs from its exchange. */
export interface UpgradeParts {
  readonly exchange: Exchange;
  readonly response: ClientResponse;
  readonly tunnels: Tunnels;
  readonly limits: UpgradeLimits;
  /** Relays a response that is no 101. */
  relay(response: UpstreamResponse): Promise<void>;
}

/**
 * Asks for the upgrade and stays until the tunnel, or the response in its place, is over. Rejects with a ProxyError where there
 * is no response to relay.
 */
export async function answerUpgrade(
  send: () => Promise<UpstreamResponse>,
  parts: UpgradeParts,
): Promise<void> {
  try {
    await upgrade(send, parts);
  } catch (error) {
    endBehind(parts.response); // headgate answers in the upstream's place
    throw error;
  }
}

async function upgrade(
  send: () => Promise<UpstreamResponse>,
  { exchange, response, tunnels, limits, relay }: UpgradeParts,
): Promise<void> {
  const leave = tunnels.enter(limits.max);
  try {
    const received = await send();
    if (received.switched === undefined) {
      endBehind(response);
      return await relay(received);
    }
    if (exchange.error !== undefined) {
      received.switched.socket.destroy();
      throw exchange.error; // the client has left meanwhile
    }
    exchange.answeredMs = performance.now();
    exchange.tunnel = true;
    const { socket, early } = response.switchProtocol(
      toSwitchedText(received.head.reason, received.switched),
    );
    exchange.error = await tunnels.run({
      client: socket,
      early,
      upstream: received.switched.socket,
      limits,
    });
  } finally {
    leave();
  }
}

function toSwitchedText(reason: string, { rawFields }: SwitchedProtocol): string {
  return serializeHead({ status: 101, reason, rawFields: toSwitchedFields(rawFields) });
}

/** What came behind the request may be of the protocol that was asked for, and must not be read as further requests. */
function endBehind(response: ClientResponse): void {
  if (response.isFollowed()) response.keepAlive = false;
}
