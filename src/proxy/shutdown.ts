/** Shuts down: exchanges in progress finish, or are cut off after the grace period. */

import { ProxyError } from "../http/errors.ts";
import type { Server } from "../server/server.ts";
import type { UpstreamResources } from "../upstream/upstream-pool.ts";
import type { Handler } from "./handler.ts";
import type { Tunnels } from "./tunnel.ts";

/** The parts that have to end. */
export interface ShutdownParts {
  readonly server: Pick<Server, "inFlight" | "close" | "destroy">;
  readonly handler: Pick<Handler, "inProgress" | "settled">;
  readonly tunnels: Pick<Tunnels, "closeAll">;
  readonly upstreams: Pick<UpstreamResources, "abandon">;
}

/**
 * Stops listening. After `graceMs` milliseconds it cuts off all exchanges in progress. Resolves when every exchange is over and observed,
 * with the number of exchanges that it cut off.
 */
export async function shutDown(
  { server, handler, tunnels, upstreams }: ShutdownParts,
  graceMs: number,
): Promise<number> {
  let cut = 0;
  const timer = setTimeout(() => {
    const error = new ProxyError("shutting_down");
    cut = Math.max(server.inFlight(), handler.inProgress());
    tunnels.closeAll();
    server.destroy(error);
    upstreams.abandon(error);
  }, graceMs);
  await Promise.all([server.close(), handler.settled()]);
  clearTimeout(timer);
  return cut;
}
