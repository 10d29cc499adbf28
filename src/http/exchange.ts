/** The record of one exchange: filled in while the request is served, and read once at its end. */

import type { ClientCertificate } from "./certificate.ts";
import type { ProxyError } from "./errors.ts";
import { toPeerAddress } from "./forwarded.ts";
import type { HeadOutcome } from "./head-outcomes.ts";
import { findField } from "./fields.ts";
import type { ReceivedRequest } from "./request.ts";

/** What happened to the content of the response that serves a HEAD: there was none, it was read to its end, or it was cut off. */
export type BodyOutcome = "none" | "drained" | "aborted";

/** The part of a route that the record holds. */
export interface ExchangeRoute {
  readonly name: string;
  /** The name of its upstream. */
  readonly upstream: string;
  readonly head: { readonly mode: string; readonly fallbackOn: readonly number[] };
}

/** One request and its response. Times are milliseconds of the monotonic clock, because the wall clock may jump. */
export interface Exchange {
  readonly id: string;
  readonly startedMs: number;
  readonly method: string;
  /** The request-target as the client sent it. */
  readonly target: string;
  /** The client's version of HTTP: `1.0`, `1.1` or `2`. Empty if its bytes were not a request. */
  readonly httpVersion: string;
  /** The client's fields as received: name, value, name, value, … */
  readonly rawFields: readonly string[];
  readonly clientAddress: string;
  /** The client's verified certificate. */
  readonly clientCertificate: ClientCertificate | undefined;
  /** True once the connection was switched to another protocol. */
  tunnel: boolean;
  /** The Content-Length of a relayed response. */
  contentLength: number | undefined;
  route: ExchangeRoute | undefined;
  upstreamMethod: string | undefined;
  /** Set for HEAD requests only. */
  head: HeadOutcome | undefined;
  body: BodyOutcome | undefined;
  bytesDrained: number;
  /** Bytes that Content-Length announced and headgate did not read from the upstream. */
  bytesSpared: number;
  /** When the request was handed to the upstream connection. */
  sentMs: number | undefined;
  /** When the upstream's header section was complete. */
  respondedMs: number | undefined;
  endedMs: number | undefined;
  /** The status sent to the client; 0 while there is none. */
  status: number;
  retries: number;
  error: ProxyError | undefined;
}

/** Starts the record. The caller passes the clock and the id, so this file stays pure. */
export function beginExchange(request: ReceivedRequest, id: string, nowMs: number): Exchange {
  return {
    id,
    startedMs: nowMs,
    method: request.method,
    target: request.target,
    httpVersion: request.httpVersion,
    rawFields: request.rawFields,
    clientAddress: toPeerAddress(request.peer.remoteAddress) ?? "",
    clientCertificate: request.peer.tls?.certificate,
    tunnel: false,
    contentLength: undefined,
    route: undefined,
    upstreamMethod: undefined,
    head: undefined,
    body: undefined,
    bytesDrained: 0,
    bytesSpared: 0,
    sentMs: undefined,
    respondedMs: undefined,
    endedMs: undefined,
    status: 0,
    retries: 0,
    error: undefined,
  };
}

// Long enough for a UUID, a ULID or a trace id with a prefix. No character can forge a log line.
const REQUEST_ID = /^[A-Za-z0-9._~+/=:@-]{1,128}$/;

/** Returns the id for responses and logs: the client's X-Request-Id if it is well-formed, otherwise headgate's own. */
export function toRequestId({ id, rawFields }: Pick<Exchange, "id" | "rawFields">): string {
  const given = findField(rawFields, "x-request-id");
  return given !== undefined && REQUEST_ID.test(given) ? given : id;
}
