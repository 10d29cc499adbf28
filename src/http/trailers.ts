/** Trailer fields (RFC 9110 §6.5) on their way through: those that would change how a message is read after it was read stay behind. */

import { isClaim } from "./forwarded.ts";
import { type AnswerFields, filterFields, isEndToEndTrailer, toNominated } from "./headers.ts";

/** What a message without trailers has. */
export const NO_TRAILERS: readonly string[] = Object.freeze([]);

/**
 * What a request's trailers must not say, beside what frames a message or belongs to one connection. A backend that joins trailers to
 * the header section would read it as if headgate had let it pass there.
 */
const DROPPED: ReadonlySet<string> = new Set([
  "host",
  "max-forwards",
  "x-request-id", // headgate may say it itself
  // What the upstream decides by before it reads the content (RFC 9110 §6.5.1: request modifiers).
  "cache-control",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "pragma",
  "range",
  // Who asks.
  "authorization",
  "cookie",
  "cookie2",
  "proxy-authorization",
  "set-cookie",
  "x-api-key",
]);

/**
 * A request's trailers for the upstream: name, value, name, value, … `connection` is what Connection says in its header section.
 *
 * Those about who the client is stay behind whoever sends them: nothing that headgate says of the client can stand beside them.
 */
export function toRequestTrailers(raw: readonly string[], connection: string): readonly string[] {
  if (raw.length === 0) return raw;
  const nominated = toNominated(connection);
  return filterFields(raw, (name) => {
    // WSGI and CGI make the same variable of `-` and `_`.
    const plain = name.replaceAll("_", "-");
    return (
      isEndToEndTrailer(plain) && !DROPPED.has(plain) && !isClaim(plain) && !nominated.has(name)
    );
  });
}

/** A response's trailers for the client. `connection` is what Connection says in its header section. */
export function toResponseTrailers(raw: readonly string[], connection: string): readonly string[] {
  const nominated = toNominated(connection);
  return filterFields(raw, (name) => isEndToEndTrailer(name) && !nominated.has(name));
}

/** The fields of a response without the promise of trailers, for a client that does not take any. */
export function withoutTrailer(fields: AnswerFields): AnswerFields {
  if (!fields.trailer) return fields;
  const endToEnd = filterFields(fields.endToEnd, (name) => name !== "trailer");
  return { ...fields, endToEnd, trailer: false };
}
