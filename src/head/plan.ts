/** How a HEAD gets answered: the one decision that this product is for. */

import type { RouteConfig } from "../config/schema.ts";
import type { HeadOutcome } from "../http/exchange.ts";

/** What goes up in place of a HEAD. */
export interface HeadPlan {
  readonly outcome: HeadOutcome;
  readonly upstreamMethod: "GET" | "HEAD";
}

const CONVERT: HeadPlan = { outcome: "convert", upstreamMethod: "GET" };
const PASS: HeadPlan = { outcome: "pass", upstreamMethod: "HEAD" };

/** Decides by the route alone. */
export function planHead(route: RouteConfig): HeadPlan {
  return route.head.mode === "convert" ? CONVERT : PASS;
}
