/** What was done with a HEAD, in words for whoever sent it. */

import type { Exchange, HeadOutcome } from "../http/exchange.ts";
import type { ResponseFields } from "../http/headers.ts";

/** ASCII without quotes, as they stand in a structured field (RFC 8941 §3.3.3). */
const WORDS: Readonly<Record<HeadOutcome, string>> = {
  convert: "converted",
  native: "served as HEAD",
  fallback: "refused as HEAD, repeated as GET",
  pass: "passed on",
  observe: "passed on, observed",
  reject: "rejected",
  probed: "probed",
  shared: "shared",
  failed: "failed",
};

/** Adds the explanation to an upstream's answer. */
export function withExplanation(
  fields: ResponseFields,
  exchange: Exchange,
  sentMs: number | undefined,
): ResponseFields {
  return { ...fields, endToEnd: [...fields.endToEnd, ...toExplanation(exchange, sentMs)] };
}

/** A Proxy-Status (RFC 9209) with what is known when the answer begins; content that is still to come is not. */
export function toExplanation(
  { head, body, bytesDrained, respondedMs }: Exchange,
  sentMs: number | undefined,
): readonly string[] {
  const details = [
    head === undefined ? undefined : WORDS[head],
    body === undefined ? undefined : `${body} ${bytesDrained} B`,
    respondedMs === undefined || sentMs === undefined
      ? undefined
      : `upstream ${(respondedMs - sentMs).toFixed(1)} ms`,
  ].filter((part) => part !== undefined);
  return ["Proxy-Status", `headgate; details="${details.join("; ")}"`];
}
