/** Explains to the client what headgate did with its HEAD (`head.explain`). */

import { HEAD_OUTCOMES } from "../http/head-outcomes.ts";
import type { Exchange } from "../http/exchange.ts";
import type { ResponseFields } from "../http/response-fields.ts";

/** Adds the explanation to the fields of an upstream response; `sentMs` is when the request was sent. */
export function withExplanation(
  fields: ResponseFields,
  exchange: Exchange,
  sentMs: number | undefined,
): ResponseFields {
  return { ...fields, endToEnd: [...fields.endToEnd, ...toExplanation(exchange, sentMs)] };
}

/** Returns a Proxy-Status field (RFC 9209) with what headgate knows when the response begins. Content that comes later is not in it. */
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
