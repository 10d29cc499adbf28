/** What happens to the content of a request and its response, in sentences. */

import type { RouteConfig } from "../../config/types.ts";
import { formatDuration } from "../../config/units.ts";
import type { CheckedRequest } from "../../http/request.ts";
import type { HeadPlan, Plan } from "../../proxy/plan.ts";

/** What happens to the content of any other request. */
const REQUEST_CONTENT: Readonly<Record<CheckedRequest["framing"], string>> = {
  none: "The request has none.",
  length: "The request's is passed on as it comes.",
  chunked: "The request's is passed on as it comes, in chunks of this hop's own.",
};

/** Describes what happens to the content of a request and its response, in sentences. */
export function toContentWords(
  plan: Plan,
  route: RouteConfig,
  request: CheckedRequest,
): readonly string[] {
  const { framing } = request;
  switch (plan.kind) {
    case "local":
      return [];
    case "head":
      return [...plan.mode.explain(route, request), ...toShareWords(plan, route)];
    case "upgrade":
      return [
        ...(framing === "none" ? [] : [REQUEST_CONTENT[framing]]),
        "Once the upstream agrees, bytes pass both ways until either side ends.",
      ];
    case "forward":
      return [REQUEST_CONTENT[framing], "The answer's is passed on as it comes."];
  }
}

function toShareWords({ share }: HeadPlan, { head }: RouteConfig): readonly string[] {
  if (share === undefined) return [];
  if ("bypassReason" in share)
    return [`The answer is for this client alone: ${share.bypassReason}.`];
  return [
    `HEADs that ask the same meanwhile, or within ${formatDuration(head.share)}, get this answer too, unless it is for one client (no-store, private, Set-Cookie, …).`,
  ];
}
