/** The content of the client's request, on its way to the upstream. */

import { Readable } from "node:stream";

import { NO_TRAILERS, toRequestTrailers } from "../http/trailers.ts";
import type { ServerRequest, ServerResponse } from "../server/server-handler.ts";
import type { RequestContent } from "../upstream/connection-request.ts";
import type { ExchangeContext } from "./context.ts";

/** Which side sends the 100 (Continue) that the client waits for (RFC 9110 §10.1.1); `none` if it does not wait. */
type ContinueSender = "none" | "upstream" | "headgate";

/** RFC 9110 §10.1.1: an upstream of HTTP/1.0 cannot send a 100, for which the client would wait. So headgate sends it. */
export function toContinueSender({ checked, upstream }: ExchangeContext): ContinueSender {
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
