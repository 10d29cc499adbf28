/** Relays responses to the client, and the client's content to the upstream. */

import { STATUS_CODES } from "node:http";
import { Readable } from "node:stream";

import type { LocalResponse } from "../http/problem.ts";
import type { ResponseHead } from "../http/wire/response-head.ts";
import type { ServerRequest, ServerResponse } from "../server/exchange.ts";
import type { BatchWrites } from "../runtime/batch-writes.ts";
import type { RequestContent } from "../upstream/connection.ts";
import type { Content } from "../upstream/content.ts";
import { toClientFields } from "../http/rewrite.ts";
import type { ResponseFields } from "../http/response-fields.ts";
import { NO_TRAILERS, toRequestTrailers, toResponseTrailers } from "../http/trailers.ts";
import { toInterimText } from "../http/wire/serialize.ts";

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

/** Which side sends the 100 (Continue) that the client expects (RFC 9110 §10.1.1). `forwarded`: the upstream; `met`: headgate. */
export type Expectation = "none" | "forwarded" | "met";

/** Ends a response that cannot be completed (RFC 9112 §8). */
export function breakOff(response: ServerResponse): void {
  response.breakOff();
}

/** Relays an interim response (RFC 9110 §15.2). A client of HTTP/1.0 gets none. */
export function relayInterim(
  { status, reason, fields }: ResponseHead,
  response: ServerResponse,
): void {
  if (response.request.httpVersion === "1.0") return;
  const rawFields = toClientFields(status, "1.1", fields);
  response.writeInterim(status, toInterimText(status, reason, rawFields));
}

/**
 * Returns a request's content as a stream that may be destroyed safely. If a response comes early, the upstream side destroys the stream
 * that it reads. To destroy the request itself would close the client's connection and lose that response.
 *
 * If headgate meets the client's expectation itself, it sends 100 (Continue) when the upstream begins to read.
 */
export function toContent(
  request: ServerRequest,
  response: ServerResponse,
  expectation: Expectation,
): RequestContent {
  const content = new ClientContent({
    highWaterMark: 64 * 1024,
    read() {
      if (expectation === "met") response.writeContinue();
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
