/** How a request to the upstream is built. */

import type { ResponseHead } from "../http/wire/response-head.ts";
import { filterFields } from "../http/fields.ts";
import { toRequestId } from "../http/exchange.ts";
import { toOutgoingFields } from "../http/rewrite.ts";
import type { CheckedRequest } from "../http/request.ts";
import { toContinueSender } from "./client-content.ts";
import type { ExchangeContext } from "./context.ts";
import { relayInterim } from "./relay.ts";
import type { UpstreamRequest } from "../upstream/call.ts";
import type { RequestContent } from "../upstream/connection-request.ts";

/** The parts in which the upstream requests of one exchange differ. */
interface OutgoingRequest {
  readonly method: string;
  /** End-to-end. */
  readonly fields: readonly string[];
  readonly content?: RequestContent | undefined;
  readonly upgrade?: CheckedRequest["upgrade"];
  /** The response timeout, in place of the route's. */
  readonly responseMs?: number;
  /** Collects the interim responses, which otherwise go to the client at once. */
  readonly held?: ResponseHead[] | undefined;
}

/** Builds a request to the upstream. */
export function toUpstreamRequest(
  context: ExchangeContext,
  { method, fields, content, upgrade, responseMs, held }: OutgoingRequest,
): UpstreamRequest {
  const { request, response, checked, route, peer, upstream } = context;
  const continueSender = toContinueSender(context);
  const expectsContinue = continueSender === "upstream" && content !== undefined;
  const sent =
    continueSender === "headgate" ? filterFields(fields, (name) => name !== "expect") : fields;
  return {
    method,
    path: checked.path,
    fields: toOutgoingFields(sent, {
      host: checked.host,
      peer,
      upstream: upstream.config,
      requestId: toForwardedId(context),
    }),
    framing: content === undefined ? "none" : checked.framing,
    content,
    expectsContinue,
    upgrade,
    takesTrailers: checked.takesTrailers,
    isStrict: route.strict,
    // The content of a GET in place of a HEAD goes to no client.
    responseContent: method === "GET" && request.method === "HEAD" ? "skip" : "relay",
    responseMs: responseMs ?? route.responseTimeout,
    idleMs: route.idleTimeout,
    owner: request.peer,
    onInterim(interim) {
      // headgate has sent the 100 itself, or forwards no content.
      if (interim.status === 100 && checked.expectsContinue && !expectsContinue) return;
      if (held === undefined) relayInterim(interim, response);
      else held.push(interim);
    },
  };
}

/** The X-Request-Id that headgate sends. Undefined: the upstream gets the client's, if any. */
function toForwardedId({ exchange, snapshot }: ExchangeContext): string | undefined {
  return snapshot.requestId === "forward" ? toRequestId(exchange) : undefined;
}
