/** How often HEADs that waited in vain may ask again together, before it is clear that waiting does not help them. */

import type { ErrorCode, ProxyError } from "../http/errors.ts";

/** What the HEADs that are waited for have come to so far. A HEAD that waited for nobody yet has none. */
export interface Attempt {
  /** How many of them got an error. */
  readonly errors: number;
  /** How many of them got a response that the others could not share. */
  readonly unshared: number;
  /** When the first of them asked, in milliseconds. */
  readonly sinceMs: number;
}

/**
 * Fields that `share` ignores may cause an error, and those who wait have other ones. Eight errors in a row, of requests chosen at
 * random, are the backend's. With fewer, a client could give its errors to the others by a few odd requests; more would burden a
 * backend that is down.
 */
const MAX_ERRORS = 8;

/** Two different requests whose responses were not for others: no third one makes the rest wait. */
const MAX_UNSHARED = 2;

// These are about the connection, and nothing in the request can be the reason.
const BEFORE_REQUEST: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "dns_error",
  "dns_timeout",
  "connection_refused",
  "connection_timeout",
  "connection_limit_reached",
  "destination_ip_unroutable",
  "tls_protocol_error",
  "tls_alert_received",
  "tls_certificate_error",
  "proxy_loop_detected",
]);

/** The attempt of a HEAD that asks first. */
export function firstAttempt(nowMs: number): Attempt {
  return { errors: 0, unshared: 0, sinceMs: nowMs };
}

/** The attempt after an error. */
export function afterError(attempt: Attempt): Attempt {
  return { ...attempt, errors: attempt.errors + 1 };
}

/** The attempt after a response that others could not share. */
export function afterUnshared(attempt: Attempt): Attempt {
  return { ...attempt, unshared: attempt.unshared + 1 };
}

/**
 * Whether an error of this attempt is everybody's. There always is a second attempt, and a third only within the time that one
 * response may take (`patienceMs`): a backend that fails slowly is not asked eight times while clients wait.
 */
export function isSharedError(attempt: Attempt, elapsedMs: number, patienceMs: number): boolean {
  const { errors } = attempt;
  return errors + 1 >= MAX_ERRORS || (errors > 0 && elapsedMs >= patienceMs);
}

/** Whether an error has nothing to do with the request that got it. */
export function isBeforeRequest({ code }: ProxyError): boolean {
  return BEFORE_REQUEST.has(code);
}

/** With whom a HEAD asks at this attempt: with all who may share, with its equals, or with nobody. */
export function toCompany(attempt: Attempt | undefined): "all" | "equals" | "none" {
  if (attempt === undefined || attempt.unshared < MAX_UNSHARED) return "all";
  return attempt.unshared === MAX_UNSHARED ? "equals" : "none";
}
