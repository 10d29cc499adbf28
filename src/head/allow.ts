/** Allow fields of backends that do not know that HEAD works here. */

import type { RouteConfig } from "../config/types.ts";
import type { ResponseFields } from "../http/response-fields.ts";

/** Whether HEAD is served through GET on this route, and an Allow field may say so. */
export function repairsAllow({ head }: RouteConfig): boolean {
  return head.allow === "repair" && (head.mode === "convert" || head.mode === "auto");
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
 * Adds HEAD to an Allow that names GET, where the operator wants that and the route serves HEAD through GET. RFC 9110 §10.2.1
 * keeps proxies from changing the field, which is why nobody gets this without asking.
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
