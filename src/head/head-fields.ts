/** The fields of the request to the upstream for a HEAD, and of the response to the client. */

import type { ResponseFields } from "../http/response-fields.ts";
import { filterFields } from "../http/fields.ts";
import { createNameTable } from "../http/name-table.ts";
import { toOffer } from "../http/upgrade-fields.ts";

const toMeaning = createNameTable<"get" | "content">([
  // These fields are defined for GET only (RFC 9110 §14.2, §13.1.5). A server ignores them in a HEAD. In the GET that replaces the HEAD
  // they would turn a 200 into a 206.
  ["range", "get"],
  ["if-range", "get"],
  // Fields about the content of a request. A HEAD has none (RFC 9110 §9.3.2).
  ["content-length", "content"],
  ["trailer", "content"],
  ["expect", "content"],
]);

/** Returns the end-to-end fields of a HEAD for the upstream, without those about content, and for a GET without the range fields. */
export function toHeadFields(fields: readonly string[], method: "GET" | "HEAD"): readonly string[] {
  // Most HEADs have none of these fields. Then nothing is copied.
  for (let index = 0; index < fields.length; index += 2)
    if (isDropped(fields[index] ?? "", method)) return withoutDropped(fields, method);
  return fields;
}

function withoutDropped(fields: readonly string[], method: "GET" | "HEAD"): readonly string[] {
  return filterFields(fields, (name) => !isDropped(name, method));
}

function isDropped(name: string, method: "GET" | "HEAD"): boolean {
  const meaning = toMeaning(name);
  return meaning === "content" || (meaning === "get" && method === "GET");
}

/**
 * Returns the fields of a response to a HEAD: the upstream's end-to-end fields, with Content-Length as the only framing field.
 *
 * Transfer-Encoding is optional here (RFC 9112 §6.1), and no client needs it to find the end (§6.3). Some clients would try to read
 * chunks (check_http of monitoring-plugins). Trailer is dropped because a response to HEAD has no trailers, and Content-Length of a 204
 * because a 204 has no length (RFC 9110 §8.6).
 */
export function toHeadClientFields(status: number, response: ResponseFields): readonly string[] {
  const fields = withoutFraming(status, response);
  // A 426 must have Upgrade, also in the response to a HEAD (RFC 9110 §15.5.22).
  const offer = toOffer(status, response.upgrade, undefined);
  return offer === "" ? fields : [...fields, "Upgrade", offer];
}

function withoutFraming(status: number, { endToEnd, trailer }: ResponseFields): readonly string[] {
  const hasNoLength = status === 204;
  if (!trailer && !hasNoLength) return endToEnd;
  return filterFields(
    endToEnd,
    (name) => name !== "trailer" && !(hasNoLength && name === "content-length"),
  );
}
