/** When two HEADs are the same question: what one client is told may then be told to the other. */

import type { Peer } from "../../http/forwarded.ts";
import type { CheckedRequest } from "../../http/request.ts";

/** The parts of a HEAD that are looked at; host and path are compared as they are. */
export type KeyedRequest = Pick<CheckedRequest, "fields" | "framing" | "upgrade">;

/** What a HEAD has to have in common with another one, as a text. */
export interface CacheKey {
  readonly key: string;
}

/** All of a HEAD that the upstream may answer by, beside its host and target. */
export interface FullRequest {
  /** Raw: name, value, name, value, … */
  readonly fields: readonly string[];
  /** Where it comes from, as the upstream is told. */
  readonly address: string | undefined;
}

/** What makes a HEAD ask for itself, in words. */
export interface BypassReason {
  readonly bypassReason: string;
}

/** With one of these a HEAD is about its sender, or about what its sender has already. */
const UNCACHEABLE_FIELDS: ReadonlySet<string> = new Set(
  ["authorization", "cookie", "proxy-authorization"] // who asks
    .concat(["range", "if-range"]) // a part; where it means nothing, nothing is lost but the sharing
    .concat(["if-match", "if-none-match", "if-modified-since", "if-unmodified-since"]) // RFC 9110 §13: a copy of one's own
    .concat(["cache-control", "pragma"]), // RFC 9111 §5.2.1: mostly no-cache; whoever talks to caches knows why
);

/**
 * These come with every client or every request and mean nothing for the answer, unless its Vary names them. What is in no list
 * here has to be equal: an X-Api-Key, an X-Forwarded-Proto, a field that a login proxy adds.
 */
const IGNORED_FIELDS: ReadonlySet<string> = new Set(
  ["accept", "accept-charset", "accept-encoding", "accept-language", "from", "user-agent"] // RFC 9110 §12.5, §10.1
    .concat(["host"]) // compared by itself, as the absolute-form's authority may have replaced it
    .concat(["via", "max-forwards", "priority", "dnt"]) // how it came here
    .concat(["x-forwarded-for", "x-real-ip", "x-client-ip"]) // from where: no two edges would share
    .concat(["true-client-ip", "cf-connecting-ip", "fastly-client-ip"])
    .concat(["x-azure-clientip", "x-azure-socketip"])
    .concat(["x-request-id", "x-correlation-id", "traceparent", "tracestate"]) // which one it is
    .concat(["x-amzn-trace-id", "x-amz-cf-id", "x-cloud-trace-context", "x-azure-ref", "cf-ray"]),
);

/** Reads the key of a HEAD. `peer` is whose claims about the client its fields may be. */
export function readCacheKey(
  { fields, framing, upgrade }: KeyedRequest,
  peer: Peer | undefined,
): CacheKey | BypassReason {
  if (framing !== "none") return { bypassReason: "it carries content" };
  if (upgrade !== undefined) return { bypassReason: "it carries Upgrade" };
  // The same X-Forwarded-Proto reaches the upstream from a trusted peer and not from another.
  let key = peer?.trusted === true ? "trusted\n" : "\n";
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? "";
    const lower = name.toLowerCase();
    if (IGNORED_FIELDS.has(lower)) continue;
    if (UNCACHEABLE_FIELDS.has(lower)) return { bypassReason: `it carries ${name}` };
    key += `${lower}:${fields[index + 1]}\n`; // no field holds a line end: two that differ cannot look the same
  }
  return { key: `${key}\n` }; // an empty line, and what comes behind it cannot look like a part of it
}

/**
 * The request's fields of these lower-case names, as a text. A field that is not there differs from an empty one. No name holds a
 * colon and no value a line end, so that no other fields, nor other names, have the same text.
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

/** The whole of a request, as a text. It differs from each variant, as no name is empty. */
export function toFullText({ fields, address }: FullRequest): string {
  let text = `:${address ?? ""}\n`;
  for (let index = 0; index < fields.length; index += 2)
    text += `${fields[index]?.toLowerCase()}:${fields[index + 1]}\n`;
  return text;
}

/** Whether two requests for the same target are the same to the upstream. */
export function isEqual(one: FullRequest, other: FullRequest): boolean {
  return (
    one.address === other.address &&
    one.fields.length === other.fields.length &&
    one.fields.every((text, index) => text === other.fields[index])
  );
}
