/** How a request to the upstream is built, and the content of the client's request. */

import { Readable } from "node:stream";

import type { ResponseHead } from "../http/wire/response-head.ts";
import { filterFields } from "../http/fields.ts";
import { toRequestId } from "../http/exchange.ts";
import { toOutgoingFields } from "../http/rewrite.ts";
import type { CheckedRequest } from "../http/request.ts";
import { NO_TRAILERS, toRequestTrailers } from "../http/trailers.ts";
import type { ServerRequest, ServerResponse } from "../server/exchange.ts";
import type { ExchangeContext } from "./context.ts";
import { relayInterim } from "./relay.ts";
import type { UpstreamRequest } from "../upstream/call.ts";
import type { RequestContent } from "../upstream/connection-request.ts";

/** Which side sends the 100 (Continue) that the client waits for (RFC 9110 §10.1.1); `none` if it does not wait. */
type ContinueSender = "none" | "upstream" | "headgate";

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

/** RFC 9110 §10.1.1: an upstream of HTTP/1.0 cannot send a 100, for which the client would wait. So headgate sends it. */
function toContinueSender({ checked, upstream }: ExchangeContext): ContinueSender {
  if (!checked.expectsContinue) return "none";
  return upstream.pool.speaksHttp10() ? "headgate" : "upstream";
}

/** Opens the content of the client's request for reading, once, for the next request to the upstream; undefined without one. */
export function openContent(context: ExchangeContext): RequestContent | undefined {
  const { request, response, checked } = context;
  if (checked.framing === "none") return undefined;
  return toContent(request, response, toContinueSender(context));
}

/**
 * Returns a request's content as a stream that may be destroyed safely. If a response comes early, the upstream side destroys the stream
 * that it reads. To destroy the request itself would close the client's connection and lose that response.
 *
 * If headgate sends the 100 (Continue), it does so when the upstream begins to read.
 */
function toContent(
  request: ServerRequest,
  response: ServerResponse,
  continueSender: ContinueSender,
): RequestContent {
  const content = new ClientContent({
    highWaterMark: 64 * 1024,
    read() {
      if (continueSender === "headgate") response.writeContinue();
      request.resume();
    },
    destroy(error, callback) {
      request.drop(); // the rest of the content is read and dropped, within the server's limit
      callback(error);
    },
  });
  request.read({
    onChunk(chunk) {
      if (!content.push(chunk)) request.pause();
    },
    onEnd(rawTrailers) {
      content.trailers = toRequestTrailers(rawTrailers, request.fields.connection);
      content.push(null); // oxlint-disable-line unicorn/no-null -- null ends a stream
    },
    onGone: (error) => void content.destroy(error),
  });
  request.pause();
  // If the response ends before the request's content, the rest is dropped. Unread content would block the connection.
  response.onOver(() => void content.destroy());
  // The reader may have removed its listeners already, and an error without a listener ends the process.
  content.on("error", () => undefined);
  return content;
}

class ClientContent extends Readable implements RequestContent {
  trailers = NO_TRAILERS;
}
