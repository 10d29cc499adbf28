/** The fields for the next hop: those that headgate forwards, those that it adds, and those of its own connection. */

import { type Peer, withForwarded } from "./forwarded.ts";
import { filterFields, findField } from "./fields.ts";
import type { UpgradeFields } from "./request-fields.ts";
import type { ResponseFields } from "./response-fields.ts";
import { toOffer } from "./upgrade.ts";
import { mayBeBodiless } from "./wire/request-head.ts";

const HOST = "host";

/** Who asks for what: `host` is undefined where an HTTP/1.0 client named none. */
export interface OutgoingContext {
  readonly host: string | undefined;
  /** Undefined: X-Forwarded-* fields pass untouched. */
  readonly peer: Peer | undefined;
  readonly upstream: {
    /** Whether the upstream gets the client's Host or its own. */
    readonly host: "preserve" | "upstream";
    readonly url: { readonly authority: string };
  };
  /** To be told to the upstream as X-Request-Id; undefined: it gets what the client sent, if anything. */
  readonly requestId: string | undefined;
}

/**
 * The end-to-end fields as they are, X-Forwarded-* behind them, and Host in its place: with another value where another host is
 * meant, first (RFC 9110 §7.2) where an HTTP/1.0 client sent none.
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

// A malformed id is replaced: logs and upstream must name the request alike, or neither can be found from the other.
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
 * What a request says of its own connection, behind the fields that came. `end`: whether the upstream's connections are kept.
 *
 * The connection ends after a HEAD: some backends send a body with its answer, and nobody could tell it from the next answer.
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

/** RFC 9110 §10.1.4: Connection must name TE. Both options share one line, because some recipients read only one. */
function withTrailers(hop: readonly string[]): readonly string[] {
  const at = hop.indexOf("Connection");
  if (at === -1) return [...TRAILERS, "Connection", "TE", ...hop];
  return [...TRAILERS, ...hop.with(at + 1, `TE, ${hop[at + 1]}`)];
}

/**
 * The fields for the client: the upstream's end-to-end fields, the framing of this hop, and Upgrade where the client may see it. `asked`
 * is the request's. The writer of the response adds Upgrade to Connection.
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
 * Content-Length is passed on and never invented; without one the content is chunked for HTTP/1.1 and ends with the connection
 * for 1.0. 1xx and 204 have neither (RFC 9110 §8.6), and 304 has no content to frame. What a HEAD gets is in head/fields.ts.
 *
 * Trailer stays where both hops are chunked: otherwise no trailer section comes or goes, and node throws where one is announced.
 */
function withFraming(status: number, httpVersion: string, response: ResponseFields): string[] {
  const { endToEnd, chunked, trailer, contentLength } = response;
  if (status < 200 || status === 204)
    return filterFields(endToEnd, (name) => name !== "content-length" && name !== "trailer");
  const isChunked = status !== 304 && contentLength === undefined && httpVersion === "1.1";
  const fields =
    trailer && !(chunked && isChunked)
      ? filterFields(endToEnd, (name) => name !== "trailer")
      : endToEnd;
  if (isChunked) fields.push("Transfer-Encoding", "chunked");
  return fields;
}
