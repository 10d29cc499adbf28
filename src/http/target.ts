/** Reads the request-target and the Host field. Nothing here decodes or re-encodes a byte. */

import { ProxyError } from "./errors.ts";

/** A parsed request-target. */
export interface ParsedTarget {
  /** The target for the upstream: the origin-form, or `*`. */
  readonly path: string;
  /** The authority of an absolute-form, which replaces the Host field (RFC 9112 §3.2.2); otherwise undefined. */
  readonly authority: string | undefined;
}

const SLASH = 0x2f;

// RFC 3986's host with an optional port, without the comma: two recipients could read a list in Host as two different hosts. An address
// of IPv6 or a later version is in brackets (§3.2.2).
const IN_BRACKETS = "[0-9A-Fa-f:.]+|[vV][0-9A-Fa-f]+\\.[A-Za-z0-9._~!$&'()*+;=:-]+";
const NAME = "[A-Za-z0-9._~!$&'()*+;=%-]+";
const HOST = new RegExp(`^(?:\\[(?:${IN_BRACKETS})\\]|${NAME})(?::([0-9]{0,5}))?$`);

/**
 * Reads a request-target by its method (RFC 9112 §3.2).
 *
 * Throws a ProxyError (400) for every form that a server does not serve. A fragment is refused too: it is not part of a request-target,
 * and the upstream could read another resource than headgate routes.
 */
export function parseTarget(method: string, raw: string): ParsedTarget {
  if (raw.includes("#")) throw new ProxyError("target_has_fragment");
  if (raw.charCodeAt(0) === SLASH) return { path: raw, authority: undefined };
  if (raw === "*") {
    if (method === "OPTIONS") return { path: raw, authority: undefined };
    throw new ProxyError("target_asterisk");
  }
  return parseAbsoluteForm(method, raw);
}

/** Whether a Host field's value is one host; an empty value is not (RFC 9112 §3.2). */
export function isHost(value: string): boolean {
  const match = HOST.exec(value);
  return match !== null && Number(match[1] ?? 0) <= 65_535;
}

/**
 * Returns the host of a request: the absolute-form's authority, otherwise the Host field.
 *
 * Throws a ProxyError (400) if Host is missing from an HTTP/1.1 request, repeated or malformed (RFC 9112 §3.2).
 */
export function toHost(
  target: ParsedTarget,
  hosts: readonly string[],
  httpVersion: string,
): string | undefined {
  const host = hosts[0];
  if (hosts.length > 1) throw new ProxyError("host_repeated");
  if (host === undefined && httpVersion !== "1.0") throw new ProxyError("host_missing");
  if (host !== undefined && !isHost(host)) throw new ProxyError("host_invalid");
  return target.authority ?? host;
}

function parseAbsoluteForm(method: string, raw: string): ParsedTarget {
  const scheme = /^https?:\/\//i.exec(raw);
  if (scheme === null) throw new ProxyError("target_not_served");
  const start = scheme[0].length;
  const end = raw.slice(start).search(/[/?]/);
  const authority = end === -1 ? raw.slice(start) : raw.slice(start, start + end);
  if (!isHost(authority)) throw new ProxyError("target_authority");
  const rest = end === -1 ? "" : raw.slice(start + end);
  // RFC 9112 §3.2.4: the last proxy sends an OPTIONS for a whole server as `*`.
  if (rest === "") return { path: method === "OPTIONS" ? "*" : "/", authority };
  return { path: rest.charCodeAt(0) === SLASH ? rest : `/${rest}`, authority };
}
