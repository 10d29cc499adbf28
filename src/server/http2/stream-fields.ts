/** Converts the fields of a response to the form that node:http2 takes. */

import { isHopByHop } from "../../http/fields.ts";

/** A header section, or trailers, for node:http2: the values of each lower-case name. */
export type StreamFields = Record<string, string | string[]>;

/**
 * Fields that may come only once. node:http2 throws for a second one. HTTP/1.1 forwards what the upstream sent, so a client of HTTP/2 gets
 * the first one, which is the one that most recipients of HTTP/1.1 use.
 */
const ONCE: ReadonlySet<string> = new Set(
  ["access-control-allow-credentials", "access-control-max-age", "access-control-request-method"]
    .concat(["age", "authorization", "content-length", "content-location", "content-md5"])
    .concat(["content-range", "content-type", "date", "dnt", "etag", "expires", "from", "host"])
    .concat(["if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since"])
    .concat(["last-modified", "location", "max-forwards", "proxy-authorization", "range"])
    .concat(["referer", "retry-after", "tk", "upgrade-insecure-requests", "user-agent"])
    .concat(["x-content-type-options"]),
);

/** Lists (RFC 9110 §5.6.1) that node:http2 takes only in one field. To drop a coding would make the content unreadable. */
const LISTS: ReadonlySet<string> = new Set(["content-encoding", "content-language"]);

/** A value without control characters (RFC 9110 §5.5): nghttp2 refuses others when it reads. */
export const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * Converts fields: name, value, name, value, … Names become lower-case (RFC 9113 §8.2), fields of a connection are dropped (§8.2.2), and
 * fields with one name stand together. A field with a control character in its value is dropped: HTTP/1.1 forwards it, but a client of
 * HTTP/2 would refuse the whole response. A name that is a number moves to the front, because objects order such keys so.
 */
export function toStreamFields(fields: readonly string[]): StreamFields {
  // Without a prototype, so that no name has a meaning of its own.
  const converted = Object.create(null) as StreamFields; // oxlint-disable-line unicorn/no-null
  for (let index = 0; index < fields.length; index += 2) {
    const name = (fields[index] ?? "").toLowerCase();
    const value = fields[index + 1] ?? "";
    if (isHopByHop(name) || name === "http2-settings" || !VALUE.test(value)) continue;
    const before = converted[name];
    if (before === undefined) converted[name] = value;
    else if (LISTS.has(name)) converted[name] = `${String(before)}, ${value}`;
    else if (ONCE.has(name)) continue;
    else if (typeof before === "string") converted[name] = [before, value];
    else before.push(value);
  }
  return converted;
}
