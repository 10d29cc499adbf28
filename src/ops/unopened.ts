/** Records connections that failed before HTTP began on them: a PROXY protocol header or a TLS handshake that cannot be used. */

import type { LogField } from "../config/schema/file.ts";
import { toPeerAddress } from "../http/forwarded.ts";
import type { OpeningStage, Unopened } from "../server/server-handler.ts";
import type { Logger } from "./log/logger.ts";
import type { Metrics } from "./metrics/endpoint.ts";

/** Where such connections are recorded. */
export interface UnopenedOptions {
  readonly logger: Pick<Logger, "info">;
  readonly metrics: Pick<Metrics, "countUnopened">;
  /** As for exchanges. Each of these connections is a failure. */
  readonly access: "all" | "errors" | "off";
  readonly fields?: readonly LogField[] | undefined;
}

const NAMES: Readonly<Record<OpeningStage, string>> = {
  proxy_protocol: "PROXY protocol",
  tls: "TLS",
  http2: "HTTP/2",
};

/** Counts a connection, and writes its log line. The level is `info`, as for each failure of a client. */
export function observeUnopened(
  { stage, reason, peer }: Unopened,
  { logger, metrics, access, fields }: UnopenedOptions,
): void {
  metrics.countUnopened(stage);
  if (access === "off") return;
  const address = toPeerAddress(peer.remoteAddress) ?? "";
  const isWanted = fields === undefined || fields.includes("client.address");
  logger.info(
    isWanted ? { "client.address": address } : {},
    `a connection was closed before HTTP began (${NAMES[stage]}): ${toText(reason)}`,
  );
}

/** OpenSSL's messages have its thread, file and line; `reason` has only what happened. */
function toText(error: Error & { readonly reason?: unknown }): string {
  return typeof error.reason === "string" ? error.reason : error.message.trim();
}
