/** Relays responses to the client. */

import { STATUS_CODES } from "node:http";

import { repairAllow } from "../head/allow.ts";
import { mayChange } from "../head/share/cacheability.ts";
import type { LocalResponse } from "../http/local-response.ts";
import type { ResponseHead } from "../http/wire/response-head.ts";
import type { ServerResponse } from "../server/server-handler.ts";
import type { BatchWrites } from "../runtime/batch-writes.ts";
import type { UpstreamResponse } from "../upstream/call.ts";
import type { Content } from "../upstream/content.ts";
import { toClientFields } from "../http/rewrite.ts";
import type { ResponseFields } from "../http/response-fields.ts";
import type { UpgradeFields } from "../http/request-fields.ts";
import { toResponseTrailers, withoutTrailer } from "../http/trailers.ts";
import type { ExchangeContext } from "./context.ts";

/** Relays a response with its content. `upgrade` is the switch of protocols that the client requested. */
export function relayResponse(
  { exchange, request, response, checked, route, snapshot }: ExchangeContext,
  received: UpstreamResponse,
  upgrade?: UpgradeFields,
): Promise<void> {
  const { status, reason, fields } = received.head;
  exchange.respondedMs = received.receivedMs;
  exchange.contentLength = fields.contentLength;
  // A POST, for example, may have changed what HEADs of its target get (RFC 9111 §4.4).
  if (route.head.share > 0 && mayChange(exchange.method, status))
    snapshot.sharing.invalidate(checked);
  const { takesTrailers } = checked;
  const repaired = repairAllow(route, takesTrailers ? fields : withoutTrailer(fields));
  response.writeHead(
    status,
    reason,
    toClientFields(status, request.httpVersion, repaired, upgrade),
  );
  const trailers = takesTrailers ? fields : undefined;
  return relayContent(received.content, response, snapshot.batchWrites, trailers);
}

/**
 * Relays the content of a response with backpressure: headgate reads the upstream no faster than the client takes the bytes. `headFields`
 * are the fields of the header section if the client takes trailers; undefined: trailers are dropped.
 *
 * Rejects with a ProxyError if the upstream breaks off. The caller must then leave the response visibly incomplete (RFC 9112 §8).
 */
export function relayContent(
  content: Content,
  response: ServerResponse,
  batchWrites: BatchWrites,
  headFields?: ResponseFields,
): Promise<void> {
  const text = content.fullText();
  if (text !== undefined) {
    batchWrites(() => response.end(text));
    return Promise.resolve();
  }
  return new Promise((resolve, reject) => {
    let hasBegun = false;
    content.read({
      onChunk(chunk) {
        hasBegun = true;
        if (!response.write(chunk)) {
          content.pause();
          response.whenDrained(() => content.resume());
        }
        return response.isPending();
      },
      onEnd(rawTrailers) {
        if (rawTrailers.length > 0 && headFields !== undefined)
          response.addTrailers(toResponseTrailers(rawTrailers, headFields.connection));
        response.end();
        resolve();
      },
      onError: reject,
    });
    // The first content may come much later.
    if (!hasBegun) response.flushHead();
  });
}

/** Sends a response of headgate's own. */
export function respondLocally(
  { status, fields, body, connection }: LocalResponse,
  response: ServerResponse,
): void {
  if (connection === "close") response.keepAlive = false;
  response.writeHead(status, STATUS_CODES[status] ?? "", fields);
  response.end(body);
}

/** Relays an interim response (RFC 9110 §15.2). A client of HTTP/1.0 gets none. */
export function relayInterim(
  { status, reason, fields }: ResponseHead,
  response: ServerResponse,
): void {
  if (response.request.httpVersion === "1.0") return;
  response.writeInterim(status, reason, toClientFields(status, "1.1", fields));
}
