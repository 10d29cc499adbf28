/** The fields of the request to the upstream for a HEAD, and of the response to the client. */

import type { ResponseFields } from "../http/response-fields.ts";
import { filterFields } from "../http/fields.ts";
import { createNameTable } from "../http/name-table.ts";
import { toOffer } from "../http/upgrade.ts";

const toMeaning = createNameTable<"get" | "content">([
  // These mean something on GET only (RFC 9110 §14.2, §13.1.5): on a HEAD the server has to ignore them, and on the GET that stands for
  // it they would turn 200 into 206.
  ["range", "get"],
  ["if-range", "get"],
  // Fields about a request's content, which a HEAD has not (RFC 9110 §9.3.2).
  ["content-length", "content"],
  ["trailer", "content"],
  ["expect", "content"],
]);

/** Returns the end-to-end fields of a HEAD for the upstream, without those about content, and for a GET without the range fields. */
export function toHeadFields(fields: readonly string[], method: "GET" | "HEAD"): readonly string[] {
  // Most HEADs have none of them, and their fields need no copy.
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
 * Returns the fields of a response to a HEAD: the upstream's end-to-end fields. Of the framing only Content-Length is among them.
 *
 * Transfer-Encoding is optional (RFC 9112 §6.1), and some clients try to read the chunks (check_http of monitoring-plugins). No client
 * needs it to find the end (§6.3). Trailer announces trailers, which a response to HEAD has not. 204 has no length (RFC 9110 §8.6).
 */
export function toHeadClientFields(status: number, response: ResponseFields): readonly string[] {
  const fields = withoutFraming(status, response);
  // A 426 must have Upgrade, also for a HEAD (RFC 9110 §15.5.22).
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
