/** The cache key of a HEAD: two HEADs with the same key and target may share a response. */

import type { Peer } from "../../http/forwarded.ts";
import type { CheckedRequest } from "../../http/request.ts";

/** The parts of a HEAD that its key is made of. Host and path are compared separately, as they are. */
export type KeyedRequest = Pick<CheckedRequest, "endToEnd" | "framing" | "upgrade">;

/** The part of a HEAD that must be equal in HEADs that share a response. */
export interface CacheKey {
  readonly key: string;
}

/** Everything in a HEAD that may influence the upstream's response, except its host and path. */
export interface FullRequest {
  /** Raw: name, value, name, value, … */
  readonly fields: readonly string[];
  /** The client's address, as headgate sends it upstream. */
  readonly address: string | undefined;
}

/** Why a HEAD is sent on its own, for `headgate explain`. */
export interface BypassReason {
  readonly bypassReason: string;
}

/** A HEAD with one of these fields concerns its client only, or a copy that its client has. */
const UNCACHEABLE_FIELDS: ReadonlySet<string> = new Set(
  ["authorization", "cookie", "proxy-authorization"] // who the client is
    .concat(["range", "if-range"]) // a part of the content; without effect in a HEAD, so only the sharing is lost
    .concat(["if-match", "if-none-match", "if-modified-since", "if-unmodified-since"]) // RFC 9110 §13: about the client's copy
    .concat(["cache-control", "pragma"]), // RFC 9111 §5.2.1: mostly no-cache; the client asks for a new response
);

/**
 * These fields differ between clients or requests and do not influence the response, unless its Vary names them. A field in neither
 * list must be equal: an X-Api-Key, an X-Forwarded-Proto, a field that a login proxy adds.
 */
const IGNORED_FIELDS: ReadonlySet<string> = new Set(
  ["accept", "accept-charset", "accept-encoding", "accept-language", "from", "user-agent"] // RFC 9110 §12.5, §10.1
    .concat(["host"]) // compared separately, because the authority of the absolute-form may replace it
    .concat(["via", "max-forwards", "priority", "dnt"]) // the way to headgate
    .concat(["x-forwarded-for", "x-real-ip", "x-client-ip"]) // the client's address: otherwise no two edges would share
    .concat(["true-client-ip", "cf-connecting-ip", "fastly-client-ip"])
    .concat(["x-azure-clientip", "x-azure-socketip"])
    .concat(["x-request-id", "x-correlation-id", "traceparent", "tracestate"]) // ids of the request
    .concat(["x-amzn-trace-id", "x-amz-cf-id", "x-cloud-trace-context", "x-azure-ref", "cf-ray"]),
);

/** Reads the key of a HEAD, or the reason why it has none. `peer` is the other end of the client connection. */
export function readCacheKey(
  { endToEnd, framing, upgrade }: KeyedRequest,
  peer: Peer | undefined,
): CacheKey | BypassReason {
  if (framing !== "none") return { bypassReason: "it carries content" };
  if (upgrade !== undefined) return { bypassReason: "it carries Upgrade" };
  // headgate forwards X-Forwarded-Proto of a trusted peer and drops that of another peer.
  let key = peer?.trusted === true ? "trusted\n" : "\n";
  for (let index = 0; index < endToEnd.length; index += 2) {
    const name = endToEnd[index] ?? "";
    const lower = name.toLowerCase();
    if (IGNORED_FIELDS.has(lower)) continue;
    if (UNCACHEABLE_FIELDS.has(lower)) return { bypassReason: `it carries ${name}` };
    key += `${lower}:${endToEnd[index + 1]}\n`; // unambiguous: no field contains a line end
  }
  return { key: `${key}\n` }; // the empty line separates the key from what callers append
}

/**
 * Returns the request's fields with these lower-case names as a text. A missing field differs from an empty one. The text is unambiguous,
 * because no name contains a colon and no value a line end.
 */
export function toVaryKey(names: readonly string[], fields: readonly string[]): string {
  let text = "";
  for (const wanted of names) {
    text += `${wanted}\n`;
    for (let index = 0; index < fields.length; index += 2) {
      const name = fields[index] ?? "";
      if (name.length === wanted.length && name.toLowerCase() === wanted)
        text += `:${fields[index + 1]}\n`;
    }
  }
  return text;
}

/** Returns a whole request as a text. It differs from every `toVaryKey`, because no field name is empty. */
export function toFullText({ fields, address }: FullRequest): string {
  let text = `:${address ?? ""}\n`;
  for (let index = 0; index < fields.length; index += 2)
    text += `${fields[index]?.toLowerCase()}:${fields[index + 1]}\n`;
  return text;
}

/** Whether two requests for the same target look equal to the upstream. */
export function isEqual(one: FullRequest, other: FullRequest): boolean {
  return (
    one.address === other.address &&
    one.fields.length === other.fields.length &&
    one.fields.every((text, index) => text === other.fields[index])
  );
}
