/** What the upstream does to an exchange, how often, and what a client may get of it. */

import type { Road } from "./plan.ts";

/**
 * `whole`: the upstream's answer, complete. `broken`: a connection that ends in the middle of it. A number: headgate's own
 * answer with that status.
 */
export type Allowed = "whole" | "broken" | 408 | 502 | 503 | 504;

interface Fault {
  readonly weight: number;
  readonly allowed: readonly Allowed[];
  /** Where a HEAD differs: it is answered at the header section, before what goes wrong behind it. */
  readonly head?: readonly Allowed[];
  /** Where a request that is not sent again differs (RFC 9110 §9.2.2). */
  readonly once?: readonly Allowed[];
  /** Only for requests with content. */
  readonly upload?: true;
  /** Only over TLS. */
  readonly tls?: true;
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
  // More bytes than announced, a complete answer among them. The answer before them is good; they are nobody's.
  extra: { weight: 3, allowed: ["whole"] },
  // The connection ends under a request that is the second or a later one on it.
  stale: { weight: 3, allowed: ["whole"], once: ["whole", 502] },
  earlyKeep: { weight: 4, allowed: ["whole"], upload: true },
  earlyClose: { weight: 3, allowed: ["whole"], upload: true },
  // The reset may overtake the answer.
  earlyReset: { weight: 2, allowed: ["whole", "broken", 502], upload: true },
  resetBefore: { weight: 2, allowed: [502] },
  closeBefore: { weight: 2, allowed: [502] },
  malformed: { weight: 3, allowed: [502] },
  longHead: { weight: 0.4, allowed: [502] },
  flood: { weight: 0.2, allowed: [502] },
  switched: { weight: 0.5, allowed: [502] },
  resetMid: { weight: 3, allowed: ["broken", 502], head: ["whole", 502] },
  closeMid: { weight: 3, allowed: ["broken", 502], head: ["whole"] },
  // A FIN without a close_notify under content that only the connection's end would complete (RFC 9112 §9.8).
  truncated: { weight: 8, allowed: ["broken", 502], head: ["whole"], tls: true },
  badChunk: { weight: 1, allowed: ["broken", 502], head: ["whole", 502] },
  // Each of these takes a client's time until a limit of headgate cuts it.
  stallBefore: { weight: 0.12, allowed: [504] },
  stallMid: { weight: 0.12, allowed: ["broken"], head: ["whole"] },
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof TABLE;

export const FAULTS: Readonly<Record<FaultName, Fault>> = TABLE;

/** How often each comes, among requests with or without content, on that road. */
export function weightsFor(hasUpload: boolean, road: Road): Readonly<Record<FaultName, number>> {
  const entries = Object.entries(FAULTS).map(([name, { weight, upload, tls }]) => [
    name,
    (upload === true && !hasUpload) || (tls === true && road !== "tls") ? 0 : weight,
  ]);
  return Object.fromEntries(entries) as Record<FaultName, number>;
}

/** Faults after which the connection to the client goes on as if nothing had been. */
export function isHarmless(fault: FaultName | "upgrade"): boolean {
  if (fault === "upgrade") return false;
  return FAULTS[fault].allowed[0] === "whole" && FAULTS[fault].upload === undefined;
}
