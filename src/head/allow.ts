/** Adds HEAD to the Allow fields of backends that refuse HEAD, because headgate serves it through GET. */

import type { RouteConfig } from "../config/types.ts";
import { HEAD_MODES } from "../http/head-outcomes.ts";
import type { ResponseFields } from "../http/response-fields.ts";

/** Whether HEAD is served through GET on this route, and the operator wants Allow fields to say so (`head.allow: repair`). */
export function repairsAllow({ head }: RouteConfig): boolean {
  return head.allow === "repair" && HEAD_MODES[head.mode].mayGet;
}

/** Whether an Allow field says that HEAD is served. */
export function allowsHead({ endToEnd }: ResponseFields): boolean {
  return endToEnd.some(
    (value, index) =>
      index % 2 === 1 &&
      endToEnd[index - 1]?.toLowerCase() === "allow" &&
      value.split(",").some((method) => method.trim() === "HEAD"),
  );
}

/**
 * Adds HEAD to an Allow field that names GET, on a route for which `repairsAllow` is true. RFC 9110 §10.2.1 forbids proxies to change
 * the field, so it is off by default.
 */
export function repairAllow(route: RouteConfig, fields: ResponseFields): ResponseFields {
  if (!repairsAllow(route)) return fields;
  const endToEnd = [...fields.endToEnd];
  let atGet: number | undefined;
  for (let index = 0; index < endToEnd.length; index += 2) {
    if (endToEnd[index]?.toLowerCase() !== "allow") continue;
    const members = (endToEnd[index + 1] ?? "").split(",");
    const methods = new Set(members.map((method) => method.trim()));
    if (methods.has("HEAD")) return fields;
    if (methods.has("GET")) atGet ??= index + 1;
  }
  if (atGet === undefined) return fields;
  endToEnd[atGet] += ", HEAD";
  return { ...fields, endToEnd };
}
