/** The fields that the upstream gets. */

import type { UpstreamConfig } from "../config/schema.ts";
import { type Peer, withForwarded } from "./forwarded.ts";

/** Who asks for what: `host` is undefined where an HTTP/1.0 client named none. */
export interface Origin {
  readonly host: string | undefined;
  /** Undefined: X-Forwarded-* fields pass untouched. */
  readonly peer: Peer | undefined;
  readonly upstream: UpstreamConfig;
}

/** Puts Host first (RFC 9110 §7.2 wants it there) and X-Forwarded-* last, around the end-to-end fields as they are. */
export function toOutgoingFields(
  endToEnd: readonly string[],
  { host, peer, upstream }: Origin,
): readonly string[] {
  const fields = peer === undefined ? endToEnd : withForwarded(endToEnd, peer, host);
  const named = upstream.host === "preserve" ? host : upstream.url.authority;
  return named === undefined ? fields : ["Host", named, ...fields];
}
