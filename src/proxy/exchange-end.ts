/** The end of an exchange: the error response to the client, and the final values of the record. */

import type { ProxyError } from "../http/errors.ts";
import { type Exchange, toRequestId } from "../http/exchange.ts";
import { toProblem } from "../http/problem.ts";
import type { ServerResponse } from "../server/server-handler.ts";
import { respondLocally } from "./relay.ts";

/** The largest response to a health check, in bytes. A download is larger. */
const SHORT_BYTES = 16 * 1024;

/** Reports a failed exchange to the client: by an error response, or, if a response has begun, by a visibly broken one. */
export function failExchange(
  exchange: Exchange,
  error: ProxyError,
  response: ServerResponse,
): void {
  if (response.headersSent) return response.breakOff();
  // The plan failed: neither the HEAD nor a GET in its place got a response.
  if (exchange.head !== undefined) exchange.head = "failed";
  if (response.isOver) return;
  respondLocally(toProblem(error, toRequestId(exchange), exchange.method), response);
}

/** Completes the record of an exchange that is over. `gone` says why its client could get no more of the response, if that is so. */
export function endExchange(
  exchange: Exchange,
  response: ServerResponse,
  gone: ProxyError | undefined,
): void {
  const { error, contentLength = Infinity } = exchange;
  if (error?.code === "client_gone" && !exchange.tunnel && hasEnough(response, contentLength))
    exchange.error = undefined;
  exchange.endedMs = performance.now();
  if (response.headersSent) {
    exchange.status = response.status;
    return;
  }
  // The client got no response, even if one was there for it.
  if (exchange.head !== undefined) exchange.head = "failed";
  exchange.status = (gone ?? exchange.error)?.status ?? 0;
}

// HAProxy's checks close the connection as soon as they have the status. If the client leaves before short content has begun, the
// exchange does not count as aborted in the log and the metrics. A larger limit would hide clients that abort a download or a stream.
// A client that has closed its side and gets the whole response is no abort either.
function hasEnough(response: ServerResponse, contentLength: number): boolean {
  const { isFinished, headersSent, hasContentBegun } = response;
  return isFinished || (headersSent && !hasContentBegun && contentLength <= SHORT_BYTES);
}
