/** Decides how a HEAD is served: this product's central decision. */

import type { RouteConfig } from "../config/types.ts";
import type { HeadOutcome } from "../http/head-outcomes.ts";
import type { Peer } from "../http/forwarded.ts";
import { passesThrough } from "./passthrough-rules.ts";
import type { PassthroughRequest } from "./signatures.ts";
import { type KeyedRequest, type CacheKey, type BypassReason, readCacheKey } from "./share/key.ts";

/** The outcome, and the method of the request that headgate sends upstream. Mode auto and probes may change both later. */
export interface HeadPlan {
  readonly outcome: Extract<HeadOutcome, "convert" | "native" | "pass" | "observe">;
  readonly upstreamMethod: "GET" | "HEAD";
}

/** headgate rejects the HEAD, and sends nothing upstream. */
export interface Rejection {
  readonly outcome: "reject";
}

const CONVERT: HeadPlan = { outcome: "convert", upstreamMethod: "GET" };
const NATIVE: HeadPlan = { outcome: "native", upstreamMethod: "HEAD" };
const OBSERVE: HeadPlan = { outcome: "observe", upstreamMethod: "HEAD" };
const REJECT: Rejection = { outcome: "reject" };
const PASS: HeadPlan = { outcome: "pass", upstreamMethod: "HEAD" };

/** Plans a HEAD from its route and its request. If mode auto has learned that the target refuses HEAD, a `native` HEAD becomes a GET. */
export function planHead(route: RouteConfig, request: PassthroughRequest): HeadPlan | Rejection {
  const { mode, guards } = route.head;
  if (mode !== "reject" && passesThrough(request, guards)) return PASS;
  switch (mode) {
    case "convert":
      return CONVERT;
    case "auto":
      return NATIVE;
    case "pass":
      return PASS;
    case "observe":
      return OBSERVE;
    case "reject":
      return REJECT;
  }
}

/**
 * Decides whether a HEAD on a route with `share` may share a response, and returns its cache key. A HEAD is never shared in modes other
 * than convert and auto, or if a passthrough rule applies, because the application then sees the HEAD itself.
 */
export function planShare(
  { head: { mode, guards } }: RouteConfig,
  request: PassthroughRequest & KeyedRequest,
  peer: Peer | undefined,
): CacheKey | BypassReason {
  if (mode !== "convert" && mode !== "auto") return { bypassReason: `the mode is ${mode}` };
  if (passesThrough(request, guards)) return { bypassReason: "a guard passes it on" };
  return readCacheKey(request, peer);
}

/** Whether the status of a native HEAD means that the upstream refuses the method (`head.fallbackOn`). */
export function isRefused({ head }: RouteConfig, status: number): boolean {
  return head.fallbackOn.includes(status);
}
