/** What happens to the content of a request and its response, in sentences. */

import type { RouteConfig } from "../../config/types.ts";
import { formatDuration } from "../../config/units.ts";
import type { CheckedRequest } from "../../http/request.ts";
import type { HeadPlan, Plan } from "../../proxy/plan.ts";

/** What happens to the content of any other request. */
const REQUEST_CONTENT: Readonly<Record<CheckedRequest["framing"], string>> = {
  none: "The request has no content.",
  length: "headgate forwards the request's content as it arrives.",
  chunked: "headgate forwards the request's content as it arrives, in chunks of its own.",
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
        "Once the upstream agrees, headgate forwards bytes both ways until either side ends.",
      ];
    case "forward":
      return [REQUEST_CONTENT[framing], "headgate forwards the response's content as it arrives."];
  }
}

function toShareWords({ share }: HeadPlan, { head }: RouteConfig): readonly string[] {
  if (share === undefined) return [];
  if ("bypassReason" in share)
    return [`This HEAD does not share a response: ${share.bypassReason}.`];
  return [
    `Equal HEADs that arrive meanwhile, or within ${formatDuration(head.share)}, get this response too, unless it is for one client (no-store, private, Set-Cookie, …).`,
  ];
}
