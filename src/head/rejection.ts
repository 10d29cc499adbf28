/** headgate's responses to HEADs that it rejects, by the route's mode or over a limit. */

import type { RouteConfig } from "../config/types.ts";
import type { LocalResponse } from "../http/local-response.ts";
import { toHeadStatus } from "../http/problem.ts";
import { toAllowed } from "./options-reply.ts";

/** Returns the 405 of mode reject. It needs an Allow field (RFC 9110 §15.5.6). Proxy-Status (RFC 9209) shows that headgate sent it. */
export function toRejection(route: RouteConfig, requestId: string): LocalResponse {
  return {
    status: 405,
    fields: [
      "Allow",
      toServed(route),
      "Content-Length",
      "0",
      "Proxy-Status",
      toHeadStatus(requestId),
    ],
    body: "",
    connection: "keep-alive",
  };
}

// The same Allow as in this route's response to OPTIONS.
function toServed(route: RouteConfig): string {
  return route.options === undefined ? "GET" : toAllowed(route).join(", ");
}

/** Returns the 503 for a HEAD over the limit of its route. */
export function toOverload(retryAfterSeconds: number, requestId: string): LocalResponse {
  return {
    status: 503,
    fields: [
      "Retry-After",
      String(retryAfterSeconds),
      "Content-Length",
      "0",
      "Proxy-Status",
      toHeadStatus(requestId, "http_request_denied"),
    ],
    body: "",
    connection: "keep-alive",
  };
}
