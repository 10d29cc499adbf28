/** How a HEAD gets answered: the one decision that this product is for. */

import type { RouteConfig } from "../config/schema/file.ts";
import type { HeadOutcome } from "../http/head-outcomes.ts";
import type { Peer } from "../http/forwarded.ts";
import { passesThrough } from "./passthrough-rules.ts";
import type { PassthroughRequest } from "./signatures.ts";
import { type KeyedRequest, type CacheKey, type BypassReason, readCacheKey } from "./share/key.ts";

/** What goes up in place of a HEAD. */
export interface HeadPlan {
  readonly outcome: Exclude<HeadOutcome, "reject" | "shared" | "failed">;
  readonly upstreamMethod: "GET" | "HEAD";
}

/** The plan that leaves the upstream in peace. */
export interface Rejection {
  readonly outcome: "reject";
}

const CONVERT: HeadPlan = { outcome: "convert", upstreamMethod: "GET" };
const NATIVE: HeadPlan = { outcome: "native", upstreamMethod: "HEAD" };
const OBSERVE: HeadPlan = { outcome: "observe", upstreamMethod: "HEAD" };
const REJECT: Rejection = { outcome: "reject" };
const PASS: HeadPlan = { outcome: "pass", upstreamMethod: "HEAD" };

/** Decides by the route and the request. What mode auto has learnt may make a GET of what is `native` here. */
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
 * Decides whether a HEAD of a route with `share` may get an answer together with others, and with which: those of the same
 * identity. In the other modes, and under a guard, a HEAD is the application's business, each for itself.
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

/** Whether the answer to a native HEAD is no answer, but the refusal of the method. */
export function isRefused({ head }: RouteConfig, status: number): boolean {
  return head.fallbackOn.includes(status);
}
