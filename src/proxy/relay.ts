/** An upstream's answer on its way to the client, and a client's content on its way up. */

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
 * Writes an answer's content with backpressure: the upstream is read no faster than the client takes it. `beside` are the fields of
 * its header section if the client takes trailers; undefined: trailers are dropped.
 *
 * Rejects with the ProxyError of an upstream that breaks off; the answer must then be left visibly unfinished (RFC 9112 §8).
 */
export function relayContent(
  content: Content,
  response: ServerResponse,
  batchWrites: BatchWrites,
  beside?: ResponseFields,
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
        if (rawTrailers.length > 0 && beside !== undefined)
          response.addTrailers(toResponseTrailers(rawTrailers, beside.connection));
        response.end();
        resolve();
      },
      onError: reject,
    });
    // The first piece of content may be long in coming.
    if (!hasBegun) response.flushHead();
  });
}

/** Sends an answer of headgate's own. */
export function respondLocally(
  { status, fields, body, connection }: LocalResponse,
  response: ServerResponse,
): void {
  if (connection === "close") response.keepAlive = false;
  response.writeHead(status, STATUS_CODES[status] ?? "", fields);
  response.end(body);
}

/** Who sends the 100 (Continue) that a client expects (RFC 9110 §10.1.1): `forwarded`: the upstream; `met`: headgate. */
export type Expectation = "none" | "forwarded" | "met";

/** Ends a response that cannot be completed (RFC 9112 §8). */
export function breakOff(response: ServerResponse): void {
  response.breakOff();
}

/** Sends an interim answer (RFC 9110 §15.2). */
export function relayInterim(
  { status, reason, fields }: ResponseHead,
  response: ServerResponse,
): void {
  if (response.request.httpVersion === "1.0") return;
  const rawFields = toClientFields(status, "1.1", fields);
  response.writeInterim(status, toInterimText(status, reason, rawFields));
}

/**
 * A request's content as a stream that may be given up without harm: the upstream side destroys what it was reading when an
 * answer comes early, and destroying the request itself would take the client's connection, and that answer, with it.
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
      request.drop(); // what the client still sends is read and dropped, within the server's limit
      callback(error);
    },
  });
  request.read({
    onChunk(chunk) {
      if (!content.push(chunk)) request.pause();
    },
    onEnd(rawTrailers) {
      content.trailers = toRequestTrailers(rawTrailers, request.fields.connection);
      content.push(null); // oxlint-disable-line unicorn/no-null -- how a stream is told its end
    },
    onGone: (error) => void content.destroy(error),
  });
  request.pause();
  // Where the answer is over before the content is, nobody reads that any more; kept back, it would hold up the connection.
  response.onOver(() => void content.destroy());
  // Whoever reads it may have let go already, and an error that nobody hears ends the process.
  content.on("error", () => undefined);
  return content;
}

class ClientContent extends Readable implements RequestContent {
  trailers = NO_TRAILERS;
}
