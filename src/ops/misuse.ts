/** Records connections of HTTP/2 that headgate closed because of a flood, or because of frames that break the protocol. */

import type { Misuse } from "../server/server-handler.ts";
import { type ConnectionLineOptions, logConnection } from "./connection-line.ts";
import type { Metrics } from "./metrics/endpoint.ts";

/** Where such connections are recorded. */
export interface MisuseOptions extends ConnectionLineOptions {
  readonly metrics: Pick<Metrics, "countMisuse">;
}

/** Counts a connection, and writes its log line. */
export function observeMisuse(
  { kind, reason, peer }: Misuse,
  { metrics, ...options }: MisuseOptions,
): void {
  metrics.countMisuse(kind);
  const message = `an HTTP/2 connection was closed (${kind}): ${reason}`;
  logConnection({ peer, httpVersion: "2", message }, options);
}
