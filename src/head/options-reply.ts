/** Responses to OPTIONS for backends that refuse the method; HAProxy's plain health checks send it. */

import type { RouteConfig } from "../config/types.ts";
import { findField } from "../http/fields.ts";
import type { LocalResponse } from "../http/local-response.ts";
import { repairsAllow } from "./allow.ts";

/**
 * Returns the response to an OPTIONS on a route with `options: reply`; undefined for requests to forward. `fields` are the request's, raw.
 *
 * A CORS preflight is forwarded: a 204 without the application's CORS fields would refuse what the application allows.
 */
export function toOptionsReply(
  method: string,
  fields: readonly string[],
  route: RouteConfig,
): LocalResponse | undefined {
  if (route.options === undefined || method !== "OPTIONS" || isPreflight(fields)) return undefined;
  return {
    status: 204,
    fields: ["Allow", toAllowed(route).join(", "), "Proxy-Status", "headgate"],
    body: "",
    connection: "keep-alive",
  };
}

/**
 * Returns the methods for a route's Allow: those of `options.allow`, otherwise GET, HEAD and OPTIONS. A route that rejects HEAD leaves HEAD
 * out; `head.allow: repair` adds it.
 */
export function toAllowed(route: RouteConfig): readonly string[] {
  const { head, options } = route;
  const allowed = options?.allow ?? ["GET", "HEAD", "OPTIONS"];
  if (head.mode === "reject") return allowed.filter((method) => method !== "HEAD");
  const needsRepair = repairsAllow(route) && allowed.includes("GET") && !allowed.includes("HEAD");
  return needsRepair ? [...allowed, "HEAD"] : allowed;
}

// The Fetch standard, CORS-preflight request.
function isPreflight(fields: readonly string[]): boolean {
  return (
    findField(fields, "origin") !== undefined &&
    findField(fields, "access-control-request-method") !== undefined
  );
}
