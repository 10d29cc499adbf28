/** Detects that a backend cannot be reached at all, so that no other endpoint is tried. */

import type { ErrorCode } from "../../http/errors.ts";
import type { Failure } from "./raw-connection.ts";

/** The backend at this URL cannot be connected to. */
export class UnreachedError extends Error {
  constructor({ code, message }: Failure, url: string) {
    const next = code === "tls_certificate_error" ? "; name its authority by --ca FILE" : "";
    super(`${url}: ${message}${next}`);
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

/** Throws an UnreachedError if the failure is a failure to connect. */
export function assertReached(failure: Failure, url: string): void {
  if (UNREACHED.has(failure.code)) throw new UnreachedError(failure, url);
}
