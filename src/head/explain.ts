/** What was done with a HEAD, in words for whoever sent it. */

import type { Exchange, HeadOutcome } from "../http/exchange.ts";
import type { AnswerFields } from "../http/headers.ts";

/** ASCII without quotes, as they stand in a structured field (RFC 8941 §3.3.3). */
const WORDS: Readonly<Record<HeadOutcome, string>> = {
  convert: "converted",
  native: "served as HEAD",
  fallback: "refused as HEAD, repeated as GET",
  pass: "passed on",
  observe: "passed on, observed",
  reject: "rejected",
  probed: "probed",
};

/** Adds a Proxy-Status (RFC 9209) with what is known when the answer begins; content that is still to come is not. */
export function withExplanation(
  fields: AnswerFields,
  { head, body, bytesDrained, answeredMs }: Exchange,
  sentMs: number | undefined,
): AnswerFields {
  const details = [
    head === undefined ? undefined : WORDS[head],
    body === undefined ? undefined : `${body} ${bytesDrained} B`,
    answeredMs === undefined || sentMs === undefined
      ? undefined
      : `upstream ${(answeredMs - sentMs).toFixed(1)} ms`,
  ].filter((part) => part !== undefined);
  const field = ["Proxy-Status", `headgate; details="${details.join("; ")}"`];
  return { ...fields, endToEnd: [...fields.endToEnd, ...field] };
}
