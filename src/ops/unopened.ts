/** Records connections that failed before HTTP began on them: a PROXY protocol header or a TLS handshake that cannot be used. */

import type { OpeningStage, Unopened } from "../server/server-handler.ts";
import { type ConnectionLineOptions, logConnection } from "./connection-line.ts";
import type { Metrics } from "./metrics/endpoint.ts";

/** Where such connections are recorded. */
export interface UnopenedOptions extends ConnectionLineOptions {
  readonly metrics: Pick<Metrics, "countUnopened">;
}

const NAMES: Readonly<Record<OpeningStage, string>> = {
  proxy_protocol: "PROXY protocol",
  tls: "TLS",
  http2: "HTTP/2",
};

/** Counts a connection, and writes its log line. */
export function observeUnopened(
  { stage, reason, peer }: Unopened,
  { metrics, ...options }: UnopenedOptions,
): void {
  metrics.countUnopened(stage);
  const message = `a connection was closed before HTTP began (${NAMES[stage]}): ${toText(reason)}`;
  logConnection({ peer, message }, options);
}

/** OpenSSL's messages have its thread, file and line; `reason` has only what happened. */
function toText(error: Error & { readonly reason?: unknown }): string {
  return typeof error.reason === "string" ? error.reason : error.message.trim();
}
