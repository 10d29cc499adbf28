/** How often waiting HEADs try again together after a response that they could not share, before they stop waiting. */

import type { ErrorCode, ProxyError } from "../../http/errors.ts";

/** The previous results that a waiting HEAD could not share. A HEAD that has not waited yet has no attempt. */
export interface Attempt {
  /** How many of them were errors. */
  readonly errors: number;
  /** How many of them were responses that may not be shared, or not with this HEAD. */
  readonly unshared: number;
  /** When the first request for them was sent, in milliseconds of the monotonic clock. */
  readonly sinceMs: number;
}

/**
 * Fields that `share` ignores may cause an error, and the waiting HEADs differ in them. So only equal requests get the error. After eight
 * errors in a row the other HEADs stop waiting for each other, and only equal ones still share a request.
 */
const MAX_ERRORS = 8;

/** After two different requests with responses that could not be shared, the rest do not wait for a third one. */
const MAX_UNSHARED = 2;

// These errors come before the request is sent, so nothing in the request can be the reason. Of the TLS errors only the one about the
// upstream's certificate is among them: an alert may come after the request (RFC 8446 §4.4.2.4: the upstream refuses headgate's
// certificate after headgate's handshake).
const BEFORE_REQUEST: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "dns_error",
  "dns_timeout",
  "connection_refused",
  "connection_timeout",
  "connection_limit_reached",
  "destination_ip_unroutable",
  "tls_certificate_error",
  "proxy_loop_detected",
]);

/** Returns the attempt of a HEAD that has not waited; `nowMs` is the monotonic clock. */
export function firstAttempt(nowMs: number): Attempt {
  return { errors: 0, unshared: 0, sinceMs: nowMs };
}

/**
 * Returns the attempt after one more error. `elapsedMs` is the time since the first request of the attempt was sent. After the time limit
 * of one response (`responseTimeoutMs`), the second error is the last: clients do not wait for eight slow failures.
 */
export function afterError(
  attempt: Attempt,
  elapsedMs: number,
  responseTimeoutMs: number,
): Attempt {
  const isLast = attempt.errors > 0 && elapsedMs >= responseTimeoutMs;
  return {
    ...attempt,
    errors: isLast ? Math.max(MAX_ERRORS, attempt.errors + 1) : attempt.errors + 1,
  };
}

/** Returns the attempt after one more response that others could not share. */
export function afterUnshared(attempt: Attempt): Attempt {
  return { ...attempt, unshared: attempt.unshared + 1 };
}

/** Whether an error has nothing to do with the request that got it. */
export function isBeforeRequest({ code }: ProxyError): boolean {
  return BEFORE_REQUEST.has(code);
}

/** Which HEADs share one request at this attempt: all that may share, equal requests only, or none. */
export function toShareScope(attempt: Attempt | undefined): "all" | "equals" | "none" {
  if (attempt === undefined) return "all";
  const { errors, unshared } = attempt;
  if (errors > MAX_ERRORS || unshared > MAX_UNSHARED) return "none";
  return errors === MAX_ERRORS || unshared === MAX_UNSHARED ? "equals" : "all";
}
