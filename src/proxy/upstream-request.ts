/** The requests to the upstream that one exchange makes. */

import type { UpstreamConfig } from "../config/types.ts";
import type { ResponseHead } from "../http/wire/response-head.ts";
import type { Peer } from "../http/forwarded.ts";
import { filterFields } from "../http/fields.ts";
import { toRequestId } from "../http/exchange.ts";
import { toOutgoingFields } from "../http/rewrite.ts";
import type { CheckedRequest } from "../http/request.ts";
import type { Incoming } from "./context.ts";
import { type Expectation, relayInterim, toContent } from "./relay.ts";
import type { UpstreamRequest } from "../upstream/call.ts";
import type { RequestContent } from "../upstream/connection.ts";
import type { ConnectionPool } from "../upstream/pool.ts";

/** The parts in which the upstream requests of one exchange differ. */
export interface OutgoingRequest {
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

/** The parts that all upstream requests of one exchange have in common. */
export interface Outgoing extends Incoming {
  /** Undefined: X-Forwarded-* fields pass unchanged. */
  readonly peer: Peer | undefined;
  readonly config: UpstreamConfig;
  readonly pool: ConnectionPool;
  /** Undefined: the upstream gets the client's X-Request-Id, if any. */
  readonly requestId: string | undefined;
  readonly expectation: Expectation;
}

/** Finds the upstream of a request, and what headgate adds to the request for it. */
export function toOutgoing(incoming: Incoming): Outgoing {
  const { exchange, request, response, checked, route, snapshot } = incoming;
  const { config, pool } = snapshot.upstream(route.upstream);
  const peer = snapshot.peer?.(request.peer);
  const requestId = snapshot.requestId === "forward" ? toRequestId(exchange) : undefined;
  const expectation = toExpectation(checked, pool);
  // Property by property: to spread an object into another one makes a new shape each time, which is slow.
  return {
    exchange,
    request,
    response,
    checked,
    route,
    snapshot,
    peer,
    config,
    pool,
    requestId,
    expectation,
  };
}

/** Builds a request to the upstream. */
export function toUpstreamRequest(
  { method, fields, content, upgrade, responseMs, held }: OutgoingRequest,
  { request, response, checked, peer, config, requestId, route, expectation }: Outgoing,
): UpstreamRequest {
  const expectsContinue = expectation === "forwarded" && content !== undefined;
  const sent = expectation === "met" ? filterFields(fields, (name) => name !== "expect") : fields;
  return {
    method,
    path: checked.path,
    fields: toOutgoingFields(sent, { host: checked.host, peer, upstream: config, requestId }),
    framing: content === undefined ? "none" : checked.framing,
    content,
    expectsContinue,
    upgrade,
    takesTrailers: checked.takesTrailers,
    isStrict: route.strict,
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

/** RFC 9110 §10.1.1: an upstream of HTTP/1.0 cannot send a 100, for which the client would wait. So headgate sends it. */
function toExpectation({ expectsContinue }: CheckedRequest, pool: ConnectionPool): Expectation {
  if (!expectsContinue) return "none";
  return pool.speaksHttp10() ? "met" : "forwarded";
}

/** The content of the client's request; undefined without one. */
export function findContent(outgoing: Outgoing): RequestContent | undefined {
  const { request, response, checked, expectation } = outgoing;
  return checked.framing === "none" ? undefined : toContent(request, response, expectation);
}
