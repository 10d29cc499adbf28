/** OPTIONS requests that headgate answers by the configuration, for backends that have no answer: HAProxy's plain checks send them. */

import type { RouteConfig } from "../config/schema.ts";
import { findField } from "../http/headers.ts";
import type { LocalAnswer } from "../http/problem.ts";
import { repairsAllow } from "./allow.ts";

/**
 * The answer to an OPTIONS on a route with `options: reply`; undefined where the upstream answers. `fields` are the request's, raw.
 *
 * A CORS preflight is the application's to answer: a 204 without its fields would refuse what the application allows.
 */
export function toOptionsReply(
  method: string,
  fields: readonly string[],
  route: RouteConfig,
): LocalAnswer | undefined {
  if (route.options === undefined || method !== "OPTIONS" || isPreflight(fields)) return undefined;
  return {
    status: 204,
    fields: ["Allow", toAllowed(route).join(", "), "Proxy-Status", "headgate"],
    body: "",
    connection: "keep-alive",
  };
}

/**
 * The methods that headgate knows a route to serve: those of its `options`, else the ones that need no knowledge of the backend. HEAD is
 * among them where the route does not reject it, as `head.allow: repair` would add it.
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
