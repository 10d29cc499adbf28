/** Checks a client's request once: refuses requests that are HTTP but that another recipient may read differently. */

import { ProxyError } from "./errors.ts";
import type { ConnectedPeer } from "./forwarded.ts";
import { type RequestFields, readRequestFields } from "./request-fields.ts";
import type { RequestHead } from "./wire/request-head.ts";
import { parseTarget, toHost } from "./target.ts";

/** A message as received. If it is not a request, all its texts are empty. */
export interface ReceivedRequest extends RequestHead {
  readonly peer: ConnectedPeer;
}

/** A header section. `fields` are read from `rawFields` if they are undefined. */
export interface UncheckedRequest extends RequestHead {
  readonly fields?: RequestFields;
}

/** The target URI of a request (RFC 9110 §7.1), as it was written. */
export interface TargetUri {
  readonly host: string | undefined;
  /** With the query: the request-target for the upstream, byte for byte, or `*`. */
  readonly path: string;
}

/** A request that may be forwarded. */
export interface CheckedRequest extends TargetUri {
  /** The end-to-end fields: name, value, name, value, … */
  readonly endToEnd: readonly string[];
  readonly framing: RequestFields["framing"];
  readonly upgrade: RequestFields["upgrade"];
  /** Whether the client takes trailers in its response. */
  readonly takesTrailers: boolean;
  /** The client may wait for 100 (Continue) before it sends its content (RFC 9110 §10.1.1). */
  readonly expectsContinue: boolean;
}

/**
 * Checks a request (RFC 9112 §3.2, §6.1).
 *
 * Throws a ProxyError: 400 for a bad target, Host or framing, 431 for more than `maxFields` fields, 501 for an unknown
 * coding, 417 for an unknown expectation, 505 for a version that is not 1.0, 1.1 or 2.
 */
export function checkRequest(head: UncheckedRequest, maxFields: number): CheckedRequest {
  const { method, httpVersion, rawFields } = head;
  if (httpVersion !== "1.1" && httpVersion !== "1.0" && httpVersion !== "2")
    throw new ProxyError("version_not_supported");
  if (rawFields.length > maxFields * 2) {
    const cause = new Error(`limits.headerCount is ${maxFields}`);
    throw new ProxyError("request_field_count", { cause });
  }
  const target = parseTarget(method, head.target);
  const { endToEnd, hosts, framing, upgrade, takesTrailers, expects } =
    head.fields ?? readRequestFields(rawFields, httpVersion);
  if (expects === "unknown") throw new ProxyError("expectation_unknown");
  return {
    path: target.path,
    host: toHost(target, hosts, httpVersion),
    endToEnd,
    framing,
    upgrade,
    // RFC 9110 §9.3.2: a response to HEAD has no content, so no trailers.
    takesTrailers: takesTrailers && method !== "HEAD",
    expectsContinue: expects === "continue" && framing !== "none",
  };
}
