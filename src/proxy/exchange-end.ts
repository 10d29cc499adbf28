/** The end of an exchange: the error response to the client, and the final values of the record. */

import type { ProxyError } from "../http/errors.ts";
import { type Exchange, toRequestId } from "../http/exchange.ts";
import { toProblem } from "../http/problem.ts";
import type { ServerResponse } from "../server/exchange.ts";
import { respondLocally, breakOff } from "./relay.ts";

/** The largest response to a health check, in bytes. A download is larger. */
const SHORT_BYTES = 16 * 1024;

/** Reports a failed exchange to the client: by an error response, or, if a response has begun, by a visibly broken one. */
export function failExchange(
  exchange: Exchange,
  error: ProxyError,
  response: ServerResponse,
): void {
  if (response.headersSent) return breakOff(response);
  // The plan failed: neither the HEAD nor a GET in its place got a response.
  if (exchange.head !== undefined) exchange.head = "failed";
  if (response.isOver) return;
  respondLocally(toProblem(error, toRequestId(exchange), exchange.method), response);
}

/** Completes the record of an exchange that is over. */
export function endExchange(exchange: Exchange, response: ServerResponse): void {
  const { error, contentLength = Infinity } = exchange;
  if (error?.code === "client_gone" && hasEnough(response, contentLength))
    exchange.error = undefined;
  exchange.endedMs = performance.now();
  exchange.status = response.headersSent ? response.status : (exchange.error?.status ?? 0);
}

// HAProxy's checks close the connection as soon as they have the status. If the client leaves before short content has begun, the
// exchange does not count as aborted in the log and the metrics. A larger limit would hide clients that abort a download or a stream.
function hasEnough(response: ServerResponse, contentLength: number): boolean {
  return response.headersSent && !response.hasContentBegun && contentLength <= SHORT_BYTES;
}
