/** The fields for the next hop: those that headgate forwards, those that it adds, and those of its own connection. */

import { type Peer, withForwarded } from "./forwarded.ts";
import { filterFields, findField } from "./fields.ts";
import type { UpgradeFields } from "./request-fields.ts";
import type { ResponseFields } from "./response-fields.ts";
import { toOffer } from "./upgrade-fields.ts";
import { mayBeBodiless } from "./wire/request-head.ts";

const HOST = "host";

/** What the fields for the upstream depend on. `host` is undefined if an HTTP/1.0 client sent none. */
export interface OutgoingContext {
  readonly host: string | undefined;
  /** Undefined: X-Forwarded-* fields pass unchanged. */
  readonly peer: Peer | undefined;
  readonly upstream: {
    /** Whether the upstream gets the client's Host or its own. */
    readonly host: "preserve" | "upstream";
    readonly url: { readonly authority: string };
  };
  /** The X-Request-Id for the upstream; undefined: the upstream gets the client's, if any. */
  readonly requestId: string | undefined;
}

/**
 * Returns the fields for the upstream: the end-to-end fields unchanged, with X-Forwarded-* behind them. Host keeps its position, and has
 * another value if the upstream needs another host. If an HTTP/1.0 client sent none, Host is the first field (RFC 9110 §7.2).
 */
export function toOutgoingFields(
  endToEnd: readonly string[],
  { host, peer, upstream, requestId }: OutgoingContext,
): readonly string[] {
  const named = requestId === undefined ? endToEnd : withRequestId(endToEnd, requestId);
  const fields = peer === undefined ? named : withForwarded(named, peer, host);
  const authority = upstream.host === "preserve" ? host : upstream.url.authority;
  return withHost(fields, authority ?? upstream.url.authority);
}

function withHost(fields: readonly string[], authority: string): readonly string[] {
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? "";
    if (name.length !== HOST.length || name.toLowerCase() !== HOST) continue;
    return fields[index + 1] === authority ? fields : fields.with(index + 1, authority);
  }
  return ["Host", authority, ...fields];
}

// Replaces a malformed id: headgate's log and the upstream must use the same id, so that one can be found from the other.
function withRequestId(fields: readonly string[], id: string): readonly string[] {
  if (findField(fields, "x-request-id") === id) return fields;
  return [...filterFields(fields, (name) => name !== "x-request-id"), "X-Request-Id", id];
}

interface Hop {
  readonly method: string;
  readonly framing: "none" | "length" | "chunked";
  readonly upgrade?: UpgradeFields | undefined;
  readonly takesTrailers: boolean;
}

const NOTHING: readonly string[] = Object.freeze([]);
const CHUNKED = ["Transfer-Encoding", "chunked"];
const CLOSE = ["Connection", "close"];
const TRAILERS = ["TE", "trailers"];

/**
 * Returns the fields of headgate's own connection, which follow the forwarded fields. `end`: whether the upstream's connections persist.
 *
 * The connection closes after a HEAD, because some backends send a body with the response, which would look like the next response.
 */
export function toHopFields(hop: Hop, end: "kept" | "closed"): readonly string[] {
  const { takesTrailers } = hop;
  const fields = toEndFields(hop, end);
  return takesTrailers ? withTrailers(fields) : fields;
}

function toEndFields({ method, framing, upgrade }: Hop, end: "kept" | "closed"): readonly string[] {
  const coding = framing === "chunked" ? CHUNKED : NOTHING;
  if (upgrade !== undefined)
    return [...coding, "Connection", upgrade.option, "Upgrade", upgrade.protocols];
  return end === "kept" && !mayBeBodiless(method) ? coding : [...coding, ...CLOSE];
}

/** Adds TE. RFC 9110 §10.1.4: Connection must name it. Both options share one field line, because some recipients read only one. */
function withTrailers(hop: readonly string[]): readonly string[] {
  const at = hop.indexOf("Connection");
  if (at === -1) return [...TRAILERS, "Connection", "TE", ...hop];
  return [...TRAILERS, ...hop.with(at + 1, `TE, ${hop[at + 1]}`)];
}

/**
 * Returns the fields for the client: the upstream's end-to-end fields, the framing of this hop, and Upgrade if the client may see it.
 * `requested` is the request's Upgrade. The writer of the response adds Upgrade to Connection.
 *
 * It may append to `response.endToEnd`, which saves a copy: callers must not use that list again.
 */
export function toClientFields(
  status: number,
  httpVersion: string,
  response: ResponseFields,
  requested?: UpgradeFields,
): string[] {
  const fields = withFraming(status, httpVersion, response);
  const offer = toOffer(status, response.upgrade, requested);
  if (offer !== "") fields.push("Upgrade", offer);
  return fields;
}

/**
 * Content-Length is forwarded and never computed. Without one the content is chunked for HTTP/1.1 and ends with the connection for 1.0.
 * 1xx and 204 have no framing field (RFC 9110 §8.6), and 304 has no content to frame. For responses to HEAD see head/head-fields.ts.
 *
 * Trailer stays only if both hops are chunked, because otherwise there is no trailer section.
 */
function withFraming(status: number, httpVersion: string, response: ResponseFields): string[] {
  const { endToEnd, chunked, trailer, contentLength } = response;
  if (status < 200 || status === 204)
    return filterFields(endToEnd, (name) => name !== "content-length" && name !== "trailer");
  const isChunked = status !== 304 && contentLength === undefined && httpVersion !== "1.0";
  const fields =
    trailer && !(chunked && isChunked)
      ? filterFields(endToEnd, (name) => name !== "trailer")
      : endToEnd;
  if (isChunked) fields.push("Transfer-Encoding", "chunked");
  return fields;
}
