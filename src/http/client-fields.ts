/** An upstream's header section, as the client gets it. */

import { type ResponseFields, type UpgradeFields, filterFields } from "./headers.ts";
import { toOffer } from "./upgrade.ts";

/**
 * The fields for the client: the upstream's end-to-end fields, the framing of this hop, and Upgrade where the client may see it. `asked`
 * is the request's. The writer of the response adds Upgrade to Connection.
 */
export function toClientFields(
  status: number,
  httpVersion: string,
  answer: ResponseFields,
  asked?: UpgradeFields,
): string[] {
  const fields = withFraming(status, httpVersion, answer);
  const offer = toOffer(status, answer.upgrade, asked);
  if (offer !== "") fields.push("Upgrade", offer);
  return fields;
}

/**
 * Content-Length is passed on and never invented; without one the content is chunked for HTTP/1.1 and ends with the connection
 * for 1.0. 1xx and 204 have neither (RFC 9110 §8.6), and 304 has no content to frame. What a HEAD gets is in head/fields.ts.
 *
 * Trailer stays where both hops are chunked: otherwise no trailer section comes or goes, and node throws where one is announced.
 */
function withFraming(status: number, httpVersion: string, answer: ResponseFields): string[] {
  const { endToEnd, chunked, trailer, contentLength } = answer;
  if (status < 200 || status === 204)
    return filterFields(endToEnd, (name) => name !== "content-length" && name !== "trailer");
  const isChunked = status !== 304 && contentLength === undefined && httpVersion === "1.1";
  const fields =
    trailer && !(chunked && isChunked)
      ? filterFields(endToEnd, (name) => name !== "trailer")
      : endToEnd;
  if (isChunked) fields.push("Transfer-Encoding", "chunked");
  return fields;
}
