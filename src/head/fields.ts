/** The fields of the request that goes up for a HEAD, and of the response to the client. */

import { type AnswerFields, filterFields } from "../http/headers.ts";
import { toOffer } from "../http/upgrade.ts";

// Range and If-Range mean something on GET only (RFC 9110 §14.2, §13.1.5): on a HEAD the server has to ignore them, and on the
// GET that stands for it they would turn 200 into 206.
const GET_ONLY: ReadonlySet<string> = new Set(["range", "if-range"]);

// What frames content, announces what follows it or asks whether to send it: a HEAD has no use for any (RFC 9110 §9.3.2).
const OF_CONTENT: ReadonlySet<string> = new Set(["content-length", "trailer", "expect"]);

/** The end-to-end fields of a HEAD, without those that are about its content or mean something on a GET only. */
export function toHeadFields(fields: readonly string[], method: "GET" | "HEAD"): string[] {
  const isGet = method === "GET";
  return filterFields(fields, (name) => !OF_CONTENT.has(name) && !(isGet && GET_ONLY.has(name)));
}

/**
 * The response's fields for a client that asked by HEAD: the upstream's end-to-end fields, without framing but Content-Length.
 *
 * Transfer-Encoding is optional there (RFC 9112 §6.1), and clients that try to read the chunks fail (monitoring-plugins' check_http).
 * §6.3 keeps every client in step without it. Trailer announces a section that no HEAD has. 204 has no length (RFC 9110 §8.6).
 */
export function toHeadClientFields(status: number, answer: AnswerFields): readonly string[] {
  const fields = withoutFraming(status, answer);
  // A 426 says what to upgrade to, also to a HEAD (RFC 9110 §15.5.22).
  const offer = answer.upgrade === "" ? "" : toOffer(status, answer.upgrade, undefined);
  return offer === "" ? fields : [...fields, "Upgrade", offer];
}

function withoutFraming(status: number, { endToEnd, trailer }: AnswerFields): readonly string[] {
  const hasNoLength = status === 204;
  if (!trailer && !hasNoLength) return endToEnd;
  return filterFields(
    endToEnd,
    (name) => name !== "trailer" && !(hasNoLength && name === "content-length"),
  );
}
