/** Which trailer fields (RFC 9110 §6.5) headgate forwards: none that would change how the message before them is read. */

import { isClaim } from "./forwarded.ts";
import type { ResponseFields } from "./response-fields.ts";
import { filterFields, isEndToEndTrailer, toNominated } from "./fields.ts";

/** An empty list of trailers. */
export const NO_TRAILERS: readonly string[] = Object.freeze([]);

/**
 * The fields that headgate drops from a request's trailers, besides those that frame a message or belong to one connection. A backend
 * that merges trailers into the header section would read them as if they had passed headgate's checks there.
 */
const DROPPED: ReadonlySet<string> = new Set([
  "host",
  "max-forwards",
  "x-request-id", // headgate may set it itself
  // Request modifiers (RFC 9110 §6.5.1): the upstream needs them before it reads the content.
  "cache-control",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "pragma",
  "range",
  // Authentication.
  "authorization",
  "cookie",
  "cookie2",
  "dpop",
  "proxy-authorization",
  "set-cookie",
  "signature",
  "signature-input",
  "x-api-key",
  // Fields that describe the content.
  "content-disposition",
  "content-language",
  "content-location",
  // Fields that replace the target or the method in some frameworks.
  "via",
  "x-host",
  "x-http-method",
  "x-http-method-override",
  "x-method-override",
  "x-original-url",
  "x-rewrite-url",
  // An upgrade.
  "http2-settings",
]);

const DROPPED_PREFIX = "sec-websocket-";

/**
 * Returns a request's trailers for the upstream: name, value, name, value, … `connection` is the Connection field of its header section.
 *
 * Fields that claim who the client is are dropped even from a trusted peer, because headgate adds its own in the header section.
 */
export function toRequestTrailers(raw: readonly string[], connection: string): readonly string[] {
  if (raw.length === 0) return raw;
  const nominated = toNominated(connection);
  return filterFields(raw, (name) => {
    // WSGI and CGI turn `-` and `_` into the same variable.
    const plain = name.replaceAll("_", "-");
    return (
      isEndToEndTrailer(plain) &&
      !DROPPED.has(plain) &&
      !plain.startsWith(DROPPED_PREFIX) &&
      !isClaim(plain) &&
      !nominated.has(name)
    );
  });
}

/** Returns a response's trailers for the client. `connection` is the Connection field of its header section. */
export function toResponseTrailers(raw: readonly string[], connection: string): readonly string[] {
  const nominated = toNominated(connection);
  return filterFields(raw, (name) => isEndToEndTrailer(name) && !nominated.has(name));
}

/** Returns the fields of a response without Trailer, for a client that takes no trailers. */
export function withoutTrailer(fields: ResponseFields): ResponseFields {
  if (!fields.trailer) return fields;
  const endToEnd = filterFields(fields.endToEnd, (name) => name !== "trailer");
  return { ...fields, endToEnd, trailer: false };
}
