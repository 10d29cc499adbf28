/** What headgate does with a request, decided before anything is sent. It is pure, and `headgate explain` prints it. */

import type { RouteConfig } from "../config/schema/file.ts";
import { toOptionsReply } from "../head/options.ts";
import { type HeadPlan, type Rejection, planHead } from "../head/plan.ts";
import type { UpgradeFields } from "../http/headers.ts";
import { toLocalResponse } from "../http/local-response.ts";
import type { LocalResponse } from "../http/problem.ts";
import type { CheckedRequest } from "../http/request.ts";
import { toTunnel } from "../http/upgrade.ts";
import type { RequestHead } from "../http/wire/request-head.ts";

/** What happens to one request. `upgrade` is the switch of protocols that it asks for. */
export type Plan =
  /** headgate responds itself. */
  | { readonly kind: "local"; readonly response: LocalResponse; readonly upgrade?: UpgradeFields }
  | { readonly kind: "head"; readonly head: HeadPlan | Rejection; readonly upgrade?: undefined }
  | { readonly kind: "upgrade"; readonly upgrade: UpgradeFields }
  | { readonly kind: "forward"; readonly upgrade?: undefined };

const FORWARD: Plan = { kind: "forward" };

/** Plans a checked request on its route. What mode auto has learned may later make a GET of a HEAD that is `native` here. */
export function planRequest(
  request: RequestHead,
  checked: CheckedRequest,
  route: RouteConfig,
): Plan {
  const upgrade = toTunnel(request, checked);
  const local =
    toLocalResponse(request, checked) ?? toOptionsReply(request.method, checked.fields, route);
  if (local !== undefined)
    return { kind: "local", response: local, ...(upgrade === undefined ? {} : { upgrade }) };
  if (request.method === "HEAD") return { kind: "head", head: planHead(route, checked) };
  return upgrade === undefined ? FORWARD : { kind: "upgrade", upgrade };
}
