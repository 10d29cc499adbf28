/** What the steps of one exchange share: the snapshot of the configuration, the request with its route, and the way to the upstream. */

import type { RouteConfig, UpstreamConfig } from "../config/types.ts";
import type { Drain } from "../head/drain.ts";
import type { HeadLimits } from "../head/limits.ts";
import type { NegativeCache } from "../head/negative-cache.ts";
import type { Leader, ResponseSharing } from "../head/share/share.ts";
import type { Exchange } from "../http/exchange.ts";
import type { ConnectedPeer, Peer } from "../http/forwarded.ts";
import type { CheckedRequest } from "../http/request.ts";
import type { BatchWrites } from "../runtime/batch-writes.ts";
import type { ServerRequest, ServerResponse } from "../server/server-handler.ts";
import type { ConnectionPool } from "../upstream/pool.ts";
import type { RoundTrip } from "./round-trip.ts";

/** What the handler uses of a snapshot (snapshot.ts). An exchange keeps the snapshot that it began with. */
export interface ProxySnapshot {
  match(host: string | undefined, path: string): RouteConfig;
  upstream(name: string): RouteUpstream;
  /** Describes the other end of a client connection for X-Forwarded-* fields. Undefined: these fields pass unchanged. */
  readonly toPeer: ((peer: ConnectedPeer) => Peer) | undefined;
  /** Whether the upstream gets each request's id. */
  readonly requestId: "log" | "forward";
  /** The largest number of fields of a request. */
  readonly maxFields: number;
  readonly upgradeLimits: UpgradeLimits;
  readonly drain: Drain;
  /** Targets that refuse HEAD. */
  readonly needsGet: NegativeCache;
  /** Targets whose response to a probe did not help. */
  readonly refusesRange: NegativeCache;
  readonly limits: HeadLimits;
  readonly sharing: ResponseSharing;
  /** For writes that may wait for the end of the turn. */
  readonly batchWrites: BatchWrites;
}

/** The upstream of a route, and the connections to it. */
export interface RouteUpstream {
  readonly config: UpstreamConfig;
  readonly pool: ConnectionPool;
}

/** Limits of upgrades; times are milliseconds. */
export interface UpgradeLimits {
  /** The time limit for the response to an upgrade request. */
  readonly upgradeMs: number;
  /** How long a tunnel may be idle; 0 = no limit. */
  readonly idleMs: number;
  /** The largest number of tunnels, open or requested. */
  readonly max: number;
}

/** One exchange, once its request was checked and planned. */
export interface ExchangeContext {
  /** Its record, for the log and the metrics. */
  readonly exchange: Exchange;
  readonly request: ServerRequest;
  readonly response: ServerResponse;
  readonly checked: CheckedRequest;
  readonly route: RouteConfig;
  readonly snapshot: ProxySnapshot;
  /** The other end of the client connection. Undefined: X-Forwarded-* fields pass unchanged. */
  readonly peer: Peer | undefined;
  readonly upstream: RouteUpstream;
  readonly roundTrip: RoundTrip;
}

/** One HEAD. */
export interface HeadContext extends ExchangeContext {
  /** Gets the response if other HEADs may wait for it. */
  readonly leader?: Pick<Leader, "onResponse" | "onPrivate"> | undefined;
}
