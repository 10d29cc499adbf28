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

/** What one of an exchange's requests to the upstream says by itself. */
export interface OutgoingRequest {
  readonly method: string;
  /** End-to-end. */
  readonly fields: readonly string[];
  readonly content?: RequestContent | undefined;
  readonly upgrade?: CheckedRequest["upgrade"];
  /** Instead of the route's. */
  readonly responseMs?: number;
  /** Takes the interim responses instead of the client. */
  readonly held?: ResponseHead[] | undefined;
}

/** What all requests of an exchange to the upstream have in common. */
export interface Outgoing extends Incoming {
  /** Undefined: X-Forwarded-* fields pass untouched. */
  readonly peer: Peer | undefined;
  readonly config: UpstreamConfig;
  readonly pool: ConnectionPool;
  /** Undefined: the upstream gets the client's X-Request-Id, if any. */
  readonly requestId: string | undefined;
  readonly expectation: Expectation;
}

/** Finds the upstream of a request, and what headgate tells it beside the request. */
export function toOutgoing(incoming: Incoming): Outgoing {
  const { exchange, request, response, checked, route, snapshot } = incoming;
  const { config, pool } = snapshot.upstream(route.upstream);
  const peer = snapshot.peer?.(request.peer);
  const requestId = snapshot.requestId === "forward" ? toRequestId(exchange) : undefined;
  const expectation = toExpectation(checked, pool);
  // Spelled out: spreading an object into another makes a new shape each time, which is slow.
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

/** Puts a request to the upstream together. */
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
      // headgate has said 100 itself, or reads no content and asks for none.
      if (interim.status === 100 && checked.expectsContinue && !expectsContinue) return;
      if (held === undefined) relayInterim(interim, response);
      else held.push(interim);
    },
  };
}

/** RFC 9110 §10.1.1: HTTP/1.0 knows no 100, so that its client would wait for what the upstream cannot say. */
function toExpectation({ expectsContinue }: CheckedRequest, pool: ConnectionPool): Expectation {
  if (!expectsContinue) return "none";
  return pool.speaksHttp10() ? "met" : "forwarded";
}

/** The content of the client's request; undefined without one. */
export function findContent(outgoing: Outgoing): RequestContent | undefined {
  const { request, response, checked, expectation } = outgoing;
  return checked.framing === "none" ? undefined : toContent(request, response, expectation);
}
