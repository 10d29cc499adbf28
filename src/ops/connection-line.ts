/** The log line of a connection that failed, outside of any exchange. */

import type { LogField } from "../config/schema/log.ts";
import { toPeerAddress } from "../http/forwarded.ts";
import type { ClientPeer } from "../server/server-handler.ts";
import type { LogFields, Logger } from "./log/logger.ts";

/** Where such lines go. */
export interface ConnectionLineOptions {
  readonly logger: Pick<Logger, "info">;
  /** As for exchanges. Each of these connections is a failure. */
  readonly access: "all" | "errors" | "off";
  readonly fields?: readonly LogField[] | undefined;
}

/** What a line says. */
export interface ConnectionLine {
  readonly peer: ClientPeer;
  /** Undefined before HTTP has begun. */
  readonly httpVersion?: string;
  readonly message: string;
}

/** Writes the line, unless `log.access` is off. The level is `info`, as for each failure of a client. */
export function logConnection(
  { peer, httpVersion, message }: ConnectionLine,
  { logger, access, fields }: ConnectionLineOptions,
): void {
  if (access === "off") return;
  const all: LogFields = {
    "client.address": toPeerAddress(peer.remoteAddress) ?? "",
    "network.protocol.version": httpVersion,
  };
  const wanted = Object.entries(all).filter(
    ([key]) => fields === undefined || fields.includes(key as LogField),
  );
  logger.info(Object.fromEntries(wanted), message);
}
