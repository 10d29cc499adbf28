/** What was done with a HEAD, in words for whoever sent it. */

import { HEAD_OUTCOMES } from "../http/head-outcomes.ts";
import type { Exchange } from "../http/exchange.ts";
import type { ResponseFields } from "../http/response-fields.ts";

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
    head === undefined ? undefined : HEAD_OUTCOMES[head].words,
    body === undefined ? undefined : `${body} ${bytesDrained} B`,
    respondedMs === undefined || sentMs === undefined
      ? undefined
      : `upstream ${(respondedMs - sentMs).toFixed(1)} ms`,
  ].filter((part) => part !== undefined);
  return ["Proxy-Status", `headgate; details="${details.join("; ")}"`];
}
