/** How a HEAD gets answered: the one decision that this product is for. */

import type { RouteConfig } from "../config/schema.ts";
import type { HeadOutcome } from "../http/exchange.ts";
import { type GuardedRequest, isGuarded } from "./guards.ts";

/** What goes up in place of a HEAD. */
export interface HeadPlan {
  readonly outcome: Exclude<HeadOutcome, "reject">;
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

/**
 * Decides by the route and the request. `needsGet` says whether HEADs of this path are known to be refused; it is asked in mode
 * auto only.
 */
export function planHead(
  route: RouteConfig,
  request: GuardedRequest,
  needsGet: (route: RouteConfig, path: string) => boolean,
): HeadPlan | Rejection {
  const { mode, guards } = route.head;
  if (mode !== "reject" && isGuarded(request, guards)) return PASS;
  switch (mode) {
    case "convert":
      return CONVERT;
    case "auto":
      return needsGet(route, request.path) ? CONVERT : NATIVE;
    case "pass":
      return PASS;
    case "observe":
      return OBSERVE;
    case "reject":
      return REJECT;
  }
}

/** Whether the answer to a native HEAD is no answer, but the refusal of the method. */
export function isRefused({ outcome }: HeadPlan, { head }: RouteConfig, status: number): boolean {
  return outcome === "native" && head.fallbackOn.includes(status);
}
