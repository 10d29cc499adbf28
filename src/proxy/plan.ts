/** What headgate does with a request, decided before anything is sent. It is pure, and `headgate explain` prints it. */

import type { HeadGuard } from "../config/schema/head.ts";
import type { RouteConfig } from "../config/types.ts";
import { toOptionsReply } from "../head/options-reply.ts";
import { findPassthroughRule } from "../head/passthrough-rules.ts";
import { type BypassReason, type CacheKey, readCacheKey } from "../head/share/key.ts";
import type { Peer } from "../http/forwarded.ts";
import type { HeadModeName } from "../http/head-outcomes.ts";
import type { UpgradeFields } from "../http/request-fields.ts";
import { type LocalResponse, toLocalResponse, withMaxForwards } from "../http/local-response.ts";
import type { CheckedRequest } from "../http/request.ts";
import { toUpstreamUpgrade } from "../http/upgrade-fields.ts";
import type { RequestHead } from "../http/wire/request-head.ts";
import type { HeadMode } from "./head-mode.ts";
import { AUTO } from "./modes/auto.ts";
import { CONVERT } from "./modes/convert.ts";
import { OBSERVE } from "./modes/observe.ts";
import { PASS } from "./modes/pass.ts";
import { REJECT } from "./modes/reject.ts";

/**
 * What happens to one request. `upgrade` is the switch of protocols that it requests, without the protocols that headgate does not
 * forward. `fields` are the end-to-end fields to forward, without those that headgate adds.
 */
export type Plan =
  | LocalPlan
  | HeadPlan
  | UpgradePlan
  | { readonly kind: "forward"; readonly fields: readonly string[]; readonly upgrade: undefined };

/** headgate responds itself: the request is addressed to it (`hop`), or the route replies to OPTIONS. */
export interface LocalPlan {
  readonly kind: "local";
  readonly cause: "hop" | "options";
  readonly response: LocalResponse;
  readonly upgrade: UpgradeFields | undefined;
}

/** A HEAD. In mode auto it may later become a GET, if headgate has learned that the target refuses HEAD. */
export interface HeadPlan {
  readonly kind: "head";
  /** How it is served, unless it gets the response of another HEAD. */
  readonly mode: HeadMode;
  /** The rule because of which the upstream gets the HEAD itself, against the mode of the route. */
  readonly passthroughRule: HeadGuard | undefined;
  /** What a HEAD must be equal in to share a response with it, or why it shares none; undefined on a route without `share`. */
  readonly share: CacheKey | BypassReason | undefined;
  readonly upgrade: undefined;
}

/** The upstream may switch protocols, or send an ordinary response. */
export interface UpgradePlan {
  readonly kind: "upgrade";
  readonly fields: readonly string[];
  readonly upgrade: UpgradeFields;
}

const MODES: Readonly<Record<HeadModeName, HeadMode>> = {
  convert: CONVERT,
  auto: AUTO,
  pass: PASS,
  observe: OBSERVE,
  reject: REJECT,
};

/** Plans a checked request on its route. `peer` is the other end of its connection; undefined: X-Forwarded-* fields pass unchanged. */
export function planRequest(
  request: RequestHead,
  checked: CheckedRequest,
  route: RouteConfig,
  peer: Peer | undefined,
): Plan {
  const { method } = request;
  const upgrade = toUpstreamUpgrade(request, checked);
  const local = toLocalResponse(request, checked);
  if (local !== undefined) return { kind: "local", cause: "hop", response: local, upgrade };
  const reply = toOptionsReply(method, checked.endToEnd, route);
  if (reply !== undefined) return { kind: "local", cause: "options", response: reply, upgrade };
  if (method === "HEAD") return planHead(route, checked, peer);
  const fields = withMaxForwards(method, checked.endToEnd);
  return upgrade === undefined
    ? { kind: "forward", fields, upgrade }
    : { kind: "upgrade", fields, upgrade };
}

/** The parts of a HEAD that its plan depends on. */
type PlannedHead = Pick<CheckedRequest, "path" | "endToEnd" | "framing" | "upgrade">;

/** Plans a HEAD: this product's central decision. */
export function planHead(
  route: RouteConfig,
  request: PlannedHead,
  peer: Peer | undefined,
): HeadPlan {
  const { mode: name, guards, share: shareMs } = route.head;
  const own = MODES[name];
  const mayPass = own !== PASS && own.upstreamMethod !== undefined; // mode reject lets none pass
  const passthroughRule = mayPass ? findPassthroughRule(request, guards) : undefined;
  const mode = passthroughRule === undefined ? own : PASS;
  const share = shareMs === 0 ? undefined : planShare(route, passthroughRule, request, peer);
  return { kind: "head", mode, passthroughRule, share, upgrade: undefined };
}

/** A HEAD that the application is to see itself is never shared: in a mode that sends no GET, or if a passthrough rule applies. */
function planShare(
  { head: { mode } }: RouteConfig,
  passthroughRule: HeadGuard | undefined,
  request: PlannedHead,
  peer: Peer | undefined,
): CacheKey | BypassReason {
  if (!MODES[mode].mayGet) return { bypassReason: `the mode is ${mode}` };
  if (passthroughRule !== undefined) return { bypassReason: "a guard applies" };
  return readCacheKey(request, peer);
}
