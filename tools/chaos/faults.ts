/** The faults of the upstream: what it does to an exchange, how often, and the results that a client may see. */

import type { Road } from "./plan.ts";

/**
 * `whole`: the upstream's complete response. `broken`: the connection ends in the middle of the response. A number: headgate's own
 * response with that status.
 */
export type Allowed = "whole" | "broken" | 405 | 408 | 502 | 503 | 504;

interface Fault {
  readonly weight: number;
  readonly allowed: readonly Allowed[];
  /** The results for a HEAD, if they differ: it gets its response at the header section, before the fault. */
  readonly head?: readonly Allowed[];
  /** The results for a request that may not be sent again (RFC 9110 §9.2.2), if they differ. */
  readonly once?: readonly Allowed[];
  /** Only for requests with content. */
  readonly upload?: true;
  /** Only over TLS. */
  readonly tls?: true;
  /** Only for clients that leave. */
  readonly leaving?: true;
}

const TABLE = {
  none: { weight: 60, allowed: ["whole"] },
  dribble: { weight: 3, allowed: ["whole"] },
  slow: { weight: 2, allowed: ["whole"] },
  status: { weight: 3, allowed: ["whole"] },
  bodiless: { weight: 2, allowed: ["whole"] },
  interim: { weight: 3, allowed: ["whole"] },
  trailers: { weight: 3, allowed: ["whole"] },
  halfClose: { weight: 2, allowed: ["whole"] },
  // More bytes than announced; they look like a complete response. The response before them is good; they belong to no request.
  extra: { weight: 3, allowed: ["whole"] },
  // The connection ends while the second or a later request on it waits for its response.
  stale: { weight: 3, allowed: ["whole"], once: ["whole", 502] },
  earlyKeep: { weight: 4, allowed: ["whole"], upload: true },
  earlyClose: { weight: 3, allowed: ["whole"], upload: true },
  // The reset may arrive before the response.
  earlyReset: { weight: 2, allowed: ["whole", "broken", 502], upload: true },
  resetBefore: { weight: 2, allowed: [502] },
  closeBefore: { weight: 2, allowed: [502] },
  malformed: { weight: 3, allowed: [502] },
  longHead: { weight: 0.4, allowed: [502] },
  flood: { weight: 0.2, allowed: [502] },
  switched: { weight: 0.5, allowed: [502] },
  resetMid: { weight: 3, allowed: ["broken", 502], head: ["whole", 502] },
  closeMid: { weight: 3, allowed: ["broken", 502], head: ["whole"] },
  // A FIN without a close_notify after content that is delimited by the connection's end (RFC 9112 §9.8).
  truncated: { weight: 8, allowed: ["broken", 502], head: ["whole"], tls: true },
  badChunk: { weight: 1, allowed: ["broken", 502], head: ["whole", 502] },
  // Content that has no end: only the client's leaving ends the request.
  endless: { weight: 25, allowed: [], head: ["whole"], leaving: true },
  // Each of these blocks a client until a limit of headgate ends the exchange.
  stallBefore: { weight: 0.12, allowed: [504] },
  stallMid: { weight: 0.12, allowed: ["broken"], head: ["whole"] },
} as const satisfies Record<string, Fault>;

/** The name of a fault. */
export type FaultName = keyof typeof TABLE;

/** All faults by name. */
export const FAULTS: Readonly<Record<FaultName, Fault>> = TABLE;

/** What decides which faults are possible. */
interface Occasion {
  readonly road: Road;
  readonly hasUpload: boolean;
  /** Whether the client leaves before the end of the response. */
  readonly isLeaving: boolean;
}

/** The weight of each fault on that occasion. */
export function weightsFor({
  road,
  hasUpload,
  isLeaving,
}: Occasion): Readonly<Record<FaultName, number>> {
  const isPossible = ({ upload, tls, leaving }: Fault): boolean =>
    (upload !== true || hasUpload) &&
    (tls !== true || road === "tls") &&
    (leaving !== true || isLeaving);
  const entries = Object.entries(FAULTS).map(([name, fault]) => [
    name,
    isPossible(fault) ? fault.weight : 0,
  ]);
  return Object.fromEntries(entries) as Record<FaultName, number>;
}

/** Whether the client's connection stays usable after the fault. */
export function isHarmless(fault: FaultName | "upgrade"): boolean {
  if (fault === "upgrade") return false;
  return FAULTS[fault].allowed[0] === "whole" && FAULTS[fault].upload === undefined;
}
