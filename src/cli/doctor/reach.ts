/** Failures that say that the backend cannot be reached at all: there is no use in trying its other endpoints. */

import type { ErrorCode } from "../../http/errors.ts";
import type { Failure } from "./exchange.ts";

/** Nothing can be sent to the backend at this URL. */
export class UnreachedError extends Error {
  constructor({ message }: Failure, url: string) {
    super(`${url}: ${message}`);
    this.name = "UnreachedError";
  }
}

const UNREACHED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "dns_error",
  "dns_timeout",
  "connection_refused",
  "connection_timeout",
  "destination_ip_unroutable",
  "tls_protocol_error",
  "tls_alert_received",
  "tls_certificate_error",
]);

/** Throws an UnreachedError for a failure to connect. */
export function assertReached(failure: Failure, url: string): void {
  if (UNREACHED.has(failure.code)) throw new UnreachedError(failure, url);
}
