/** An upstream's header section, as the client gets it. */

import { type AnswerFields, filterFields } from "./headers.ts";

/**
 * The fields for the client: the upstream's end-to-end fields, and the framing of this hop.
 *
 * Content-Length is passed on and never invented; without one the content is chunked for HTTP/1.1 and ends with the connection
 * for 1.0. A HEAD gets the same as its GET would: with neither field, Node clients drop the connection (RFC 9112 §6.1 permits
 * Transfer-Encoding there). 204 has neither (RFC 9110 §8.6), and 304 has no content to frame.
 */
export function toClientFields(status: number, httpVersion: string, answer: AnswerFields): string[] {
  if (status === 204) return filterFields(answer.endToEnd, (name) => name !== "content-length");
  if (status !== 304 && answer.contentLength === undefined && httpVersion === "1.1") {
    answer.endToEnd.push("Transfer-Encoding", "chunked");
  }
  return answer.endToEnd;
}

/**
 * The reason phrase as the bytes that came, in latin1 as node writes it: undici hands it over decoded as UTF-8, and an accent
 * would otherwise come out as another byte.
 */
export function toReason(decoded: string): string {
  return /^[\t\x20-\x7e]*$/.test(decoded) ? decoded : Buffer.from(decoded, "utf8").toString("latin1");
}
