/** WebSockets over HTTP/2 (RFC 8441): an extended CONNECT becomes the upgrade of HTTP/1.1 (RFC 6455) that upstreams speak. */

import { createHash, randomBytes } from "node:crypto";

import { ProxyError } from "../../http/errors.ts";
import { filterFields, findOnlyField } from "../../http/fields.ts";

/** RFC 6455 §1.3. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Fields that HTTP/2 has not, and those that headgate sends in place of the client (RFC 8441 §5). */
const OWN: ReadonlySet<string> = new Set(["connection", "upgrade", "sec-websocket-accept"]);

/** The fields of the request for the upgrade, and its key. */
export interface UpgradeRequest {
  readonly key: string;
  readonly fields: readonly string[];
}

/** Returns the fields with those of an upgrade behind them. Throws a ProxyError (400) if the request announces content. */
export function toUpgradeRequest(rawFields: readonly string[]): UpgradeRequest {
  const names = new Set(rawFields.filter((_, index) => index % 2 === 0));
  if (names.has("content-length") || names.has("expect"))
    throw new ProxyError("http_request_error");
  const key = randomBytes(16).toString("base64");
  const others = filterFields(rawFields, (name) => name !== "sec-websocket-key");
  const own = ["Sec-WebSocket-Key", key, "Connection", "Upgrade", "Upgrade", "websocket"];
  return { key, fields: [...others, ...own] };
}

/**
 * Returns the fields of a 101 for the client of an extended CONNECT. Throws a ProxyError (502) if the upstream did not prove that it has
 * read the request (RFC 6455 §4.1): over HTTP/2 the client cannot check it.
 */
export function toAcceptedFields(key: string, fields: readonly string[]): readonly string[] {
  const accepted = findOnlyField(fields, "sec-websocket-accept");
  if (accepted !== toAcceptance(key)) throw new ProxyError("http_upgrade_failed");
  return filterFields(fields, (name) => !OWN.has(name));
}

/** RFC 6455 §4.2.2. */
function toAcceptance(key: string): string {
  return createHash("sha1")
    .update(key + GUID)
    .digest("base64");
}
