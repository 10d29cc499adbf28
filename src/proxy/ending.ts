/** The end of an exchange: how a failure is told to the client, and what the record says in the end. */

import type { ProxyError } from "../http/errors.ts";
import { type Exchange, toRequestId } from "../http/exchange.ts";
import { toProblem } from "../http/problem.ts";
import type { ServerResponse } from "../server/exchange.ts";
import { respondLocally, breakOff } from "./relay.ts";

/** What health checks are answered with, and no download. */
const SHORT_BYTES = 16 * 1024;

/** Tells the client that its exchange failed: by a response, or by the visible break of one that has begun. */
export function failExchange(
  exchange: Exchange,
  error: ProxyError,
  response: ServerResponse,
): void {
  if (response.headersSent) return breakOff(response);
  // The plan came to nothing: neither did the upstream serve the HEAD nor did a GET stand for it.
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

// HAProxy's checks close as soon as they know the status. A client that leaves before a short content has begun has what it came for,
// and is no abort in the log and the metrics. More would hide clients that give up a download or a stream. A client that has closed its
// side and gets the whole response is no abort either.
function hasEnough(response: ServerResponse, contentLength: number): boolean {
  const { isFinished, headersSent, hasContentBegun } = response;
  return isFinished || (headersSent && !hasContentBegun && contentLength <= SHORT_BYTES);
}
