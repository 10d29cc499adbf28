/** What headgate does with a request, decided before anything is sent. It is pure, and `headgate explain` prints it. */

import type { RouteConfig } from "../config/types.ts";
import { toOptionsReply } from "../head/options.ts";
import { type HeadPlan, type Rejection, planHead } from "../head/plan.ts";
import type { UpgradeFields } from "../http/request-fields.ts";
import { type LocalResponse, toLocalResponse, withMaxForwards } from "../http/local-response.ts";
import type { CheckedRequest } from "../http/request.ts";
import { toUpstreamUpgrade } from "../http/upgrade.ts";
import type { RequestHead } from "../http/wire/request-head.ts";

/**
 * What happens to one request. `upgrade` is the switch of protocols that it requests, without the protocols that headgate does not
 * forward. `fields` are the end-to-end fields to forward, without those that headgate adds.
 */
export type Plan =
  | LocalPlan
  | { readonly kind: "head"; readonly head: HeadPlan | Rejection; readonly upgrade: undefined }
  | UpgradePlan
  | { readonly kind: "forward"; readonly fields: readonly string[]; readonly upgrade: undefined };

/** headgate responds itself: the request is addressed to it (`hop`), or the route replies to OPTIONS. */
export interface LocalPlan {
  readonly kind: "local";
  readonly cause: "hop" | "options";
  readonly response: LocalResponse;
  readonly upgrade: UpgradeFields | undefined;
}

/** The upstream may switch protocols, or send an ordinary response. */
export interface UpgradePlan {
  readonly kind: "upgrade";
  readonly fields: readonly string[];
  readonly upgrade: UpgradeFields;
}

/** Plans a checked request on its route. A HEAD that is `native` here may later become a GET, if mode auto has learned that it must. */
export function planRequest(
  request: RequestHead,
  checked: CheckedRequest,
  route: RouteConfig,
): Plan {
  const { method } = request;
  const upgrade = toUpstreamUpgrade(request, checked);
  const local = toLocalResponse(request, checked);
  if (local !== undefined) return { kind: "local", cause: "hop", response: local, upgrade };
  const reply = toOptionsReply(method, checked.fields, route);
  if (reply !== undefined) return { kind: "local", cause: "options", response: reply, upgrade };
  if (method === "HEAD")
    return { kind: "head", head: planHead(route, checked), upgrade: undefined };
  const fields = withMaxForwards(method, checked.fields);
  return upgrade === undefined
    ? { kind: "forward", fields, upgrade }
    : { kind: "upgrade", fields, upgrade };
}
