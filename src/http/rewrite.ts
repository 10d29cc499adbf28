/** The fields that the upstream gets. */

import { type Peer, withForwarded } from "./forwarded.ts";
import { filterFields, findField } from "./headers.ts";

const HOST = "host";

/** Who asks for what: `host` is undefined where an HTTP/1.0 client named none. */
export interface Origin {
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
  { host, peer, upstream, requestId }: Origin,
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
