/** The answers to HEADs that the operator wants refused, always or over a limit. */

import type { RouteConfig } from "../config/schema/file.ts";
import { ProxyError } from "../http/errors.ts";
import { type LocalResponse, toHeadStatus } from "../http/problem.ts";
import { toAllowed } from "./options.ts";

/** 405 needs an Allow field (RFC 9110 §15.5.6). Proxy-Status (RFC 9209) tells that it is not the backend that refuses. */
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

/** What a HEAD over its route's limit ends with: without it the log would take the 503 for the upstream's own. */
export function overLimit(): ProxyError {
  return new ProxyError("http_request_denied", {
    status: 503,
    title: "The HEAD is over its route's limit",
  });
}

/** The answer to it. */
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
