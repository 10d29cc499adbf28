/** The fields of the request that goes up for a HEAD. */

import { filterFields } from "../http/headers.ts";

// Range and If-Range mean something on GET only (RFC 9110 §14.2, §13.1.5): on a HEAD the server has to ignore them, and on the
// GET that stands for it they would turn 200 into 206.
const GET_ONLY: ReadonlySet<string> = new Set(["range", "if-range"]);

/** The end-to-end fields of a HEAD without the framing of content, which a HEAD has no use for (RFC 9110 §9.3.2). */
export function toHeadFields(fields: readonly string[], method: "GET" | "HEAD"): string[] {
  const isGet = method === "GET";
  return filterFields(
    fields,
    (name) => name !== "content-length" && name !== "trailer" && !(isGet && GET_ONLY.has(name)),
  );
}
