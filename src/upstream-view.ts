/** The upstreams of a snapshot as the operator sees them. */

import { formatAddress, formatUrl } from "./config/address.ts";
import type { UpstreamEndpoint } from "./ops/status/upstream-status.ts";
import type { CompiledUpstream } from "./snapshot.ts";

/** Counts the connections of each upstream by their state, for the metrics. */
export function* toConnectionCounts(
  upstreams: ReadonlyMap<string, CompiledUpstream>,
): Generator<{ upstream: string; state: string; count: number }> {
  for (const [upstream, { pool }] of upstreams) {
    const { idle, active } = pool.connections();
    yield { upstream, state: "idle", count: idle };
    yield { upstream, state: "active", count: active };
  }
}

/** Describes where each upstream is, for the status page. */
export function toEndpoints(
  upstreams: ReadonlyMap<string, CompiledUpstream>,
): ReadonlyMap<string, UpstreamEndpoint> {
  return new Map([...upstreams].map(([name, upstream]) => [name, toEndpoint(upstream)]));
}

function toEndpoint({ config: { url }, pool }: CompiledUpstream): UpstreamEndpoint {
  const { socketPath, port } = url;
  const withPort = (host: string): string =>
    socketPath === undefined ? formatAddress({ kind: "tcp", host, port }) : formatUrl(url);
  return {
    url: formatUrl(url),
    addresses: pool.addresses().map(({ address, connections, lastError }) => {
      return { address: withPort(address), connections, lastError };
    }),
  };
}
