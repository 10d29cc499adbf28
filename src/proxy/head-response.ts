/** The upstream's response to a HEAD, or to the GET in its place, on its way to the client. */

import { repairAllow } from "../head/allow.ts";
import { type Drained, toLoginLimits } from "../head/drain.ts";
import { toHeadClientFields, toHeadFields } from "../head/head-fields.ts";
import { withExplanation } from "../head/proxy-status.ts";
import type { ResponseFields } from "../http/response-fields.ts";
import type { ResponseHead } from "../http/wire/response-head.ts";
import type { ServerResponse } from "../server/server-handler.ts";
import type { UpstreamResponse } from "../upstream/call.ts";
import type { ExchangeContext, HeadContext } from "./context.ts";
import { relayContent, relayInterim } from "./relay.ts";
import { toUpstreamRequest } from "./upstream-request.ts";

/**
 * The upstream's response to the request that was sent for a HEAD. After a probe, `fields` are those of the full response, and
 * `contentInfo` and `content` are of the one byte that came.
 */
export interface UpstreamResult {
  readonly status: number;
  readonly reason: string;
  /** For the client. */
  readonly fields: ResponseFields;
  /** What the header section says about the content that follows. */
  readonly contentInfo: ResponseFields;
  readonly content: UpstreamResponse["content"];
  readonly sentMs: number | undefined;
  readonly receivedMs: number;
}

/** Sends the HEAD itself, or a GET in its place. Interim responses go into `held`; without it they are relayed at once. */
export function sendAs(
  context: ExchangeContext,
  method: "GET" | "HEAD",
  held?: ResponseHead[],
): Promise<UpstreamResponse> {
  const fields = toHeadFields(context.checked.endToEnd, method);
  return context.roundTrip.send(toUpstreamRequest(context, { method, fields, held }));
}

/** Returns the result for a response whose status and fields go to the client. */
export function toUpstreamResult(received: UpstreamResponse): UpstreamResult {
  const { head, content, sentMs, receivedMs } = received;
  const { status, reason, fields } = head;
  return { status, reason, fields, contentInfo: fields, content, sentMs, receivedMs };
}

/** Passes the response to the leader, and writes the header section for the client. Throws the exchange's error if the client has left. */
export function writeHeaderSection(
  { response, exchange, route, leader }: HeadContext,
  { status, reason, fields, content, sentMs, receivedMs }: UpstreamResult,
): void {
  exchange.respondedMs = receivedMs;
  const repaired = repairAllow(route, fields);
  // Private: it came on a connection with a login.
  if (content.isPrivate()) leader?.onPrivate();
  else leader?.onResponse(status, reason, repaired);
  if (exchange.error !== undefined) throw exchange.error; // the client has left in the meantime
  // `exchange.sentMs`, if it is set, is when the first of several requests was sent.
  const explained = route.head.explain
    ? withExplanation(repaired, exchange, exchange.sentMs ?? sentMs)
    : repaired;
  response.writeHead(status, reason, toHeadClientFields(status, explained));
}

/** Relays the response to a HEAD that the upstream served itself. */
export function relayAsIs(context: HeadContext, received: UpstreamResponse): Promise<void> {
  writeHeaderSection(context, toUpstreamResult(received));
  return relayContent(received.content, context.response, context.snapshot.batchWrites);
}

/** Relays interim responses that were held. The parser allows a hundred per request, which bounds `held`. */
export function relayHeld(held: readonly ResponseHead[], response: ServerResponse): void {
  for (const interim of held) relayInterim(interim, response);
}

/** Drains the content of a GET, and records that. The limits are larger if closing the connection would lose the client's login. */
export async function drainContent(
  { exchange, route, snapshot }: ExchangeContext,
  { content, contentInfo, fields }: UpstreamResult,
): Promise<Drained> {
  const limits = content.isPrivate() ? toLoginLimits(route.head.drain) : route.head.drain;
  const drained = await snapshot.drain(content, contentInfo, limits);
  exchange.body = drained.body;
  exchange.bytesDrained = drained.bytes;
  exchange.bytesSpared = Math.max(0, (fields.contentLength ?? 0) - drained.bytes);
  return drained;
}
