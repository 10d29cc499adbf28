/** The fields of the request that goes up, a HEAD's and every other's. */

import { filterFields } from "../http/headers.ts";
import { withMaxForwards } from "../http/local.ts";
import { type Origin, toOutgoingFields } from "../http/outgoing.ts";
import type { HeadPlan } from "./plan.ts";

// Range and If-Range mean something on GET only (RFC 9110 §14.2, §13.1.5): on a HEAD the server has to ignore them, and on the
// GET that stands for it they would turn 200 into 206.
const GET_ONLY: ReadonlySet<string> = new Set(["range", "if-range"]);

/** The end-to-end fields of a HEAD without the framing of content, which a HEAD has no use for (RFC 9110 §9.3.2). */
export function toHeadFields(fields: readonly string[], method: "GET" | "HEAD"): string[] {
  const isGet = method === "GET";
  return filterFields(
    fields,
    (name) => name !== "content-length" && !(isGet && GET_ONLY.has(name)),
  );
}

/** The fields that the upstream gets of a checked request's end-to-end fields; `plan` is a HEAD's. */
export function toUpstreamFields(
  method: string,
  endToEnd: readonly string[],
  plan: HeadPlan | undefined,
  origin: Origin,
): readonly string[] {
  const meant =
    plan === undefined
      ? withMaxForwards(method, endToEnd)
      : toHeadFields(endToEnd, plan.upstreamMethod);
  return toOutgoingFields(meant, origin);
}
