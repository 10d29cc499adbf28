/** Reads a request's fields in one pass: drops hop-by-hop fields, and keeps order and case of the others. */

import { ProxyError } from "./errors.ts";
import {
  filterFields,
  findUpgradeOption,
  kindOf,
  toMembers,
  toNominated,
  withoutNominated,
} from "./fields.ts";

/** An Upgrade field that Connection names (RFC 9110 §7.8). */
export interface UpgradeFields {
  /** The protocols, all field lines joined. */
  readonly protocols: string;
  /** The option `upgrade` of Connection, in its original case. */
  readonly option: string;
}

/** What one pass over a request's fields finds. */
export interface RequestFields {
  /** The end-to-end fields, raw, with Host in its original position. */
  readonly endToEnd: string[];
  readonly hosts: readonly string[];
  /** How the request's content is framed (RFC 9112 §6.3). */
  readonly framing: "none" | "length" | "chunked";
  /** The value of Content-Length in bytes; 0 without one. */
  readonly contentLength: number;
  readonly upgrade: UpgradeFields | undefined;
  /** The value of Connection, all field lines joined; empty without one. */
  readonly connection: string;
  /** Whether TE contains `trailers`: the client takes trailers (RFC 9110 §10.1.4). */
  readonly takesTrailers: boolean;
  /** The expectation in Expect. In HTTP/1.0 the field has no meaning (RFC 9110 §10.1.1). */
  readonly expects: "nothing" | "continue" | "unknown";
}

// A number of fifteen digits is below 2^53, so a double holds it exactly.
const LENGTH = /^[0-9]{1,15}$/;

/**
 * Reads a request's fields. End-to-end fields are neither joined nor renamed.
 *
 * Throws a ProxyError for framing that another recipient may read differently: a coding besides chunked (501, RFC 9112 §6.1), chunked in
 * HTTP/1.0 (400, §6.1 calls it faulty), two framings in one message (400, §6.3), a Content-Length that a double does not hold (400,
 * RFC 9110 §8.6).
 */
// oxlint-disable-next-line complexity -- one pass over the fields, one case for each kind
export function readRequestFields(raw: readonly string[], httpVersion: string): RequestFields {
  const endToEnd: string[] = [];
  const hosts: string[] = [];
  let length: number | undefined;
  let coding: string | undefined;
  let expects: RequestFields["expects"] = "nothing";
  let upgrade: string | undefined;
  let connection = "";
  let hasTrailer = false;
  let takesTrailers = false;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] ?? "";
    const value = raw[index + 1] ?? "";
    const kind = kindOf(name);
    if (kind === undefined) {
      endToEnd.push(name, value);
      continue;
    }
    switch (kind) {
      case "hop":
      case "keep-alive":
        break;
      case "expect":
        if (httpVersion === "1.0") break;
        if (expects !== "unknown") expects = toExpectation(value);
        endToEnd.push(name, value);
        break;
      case "connection":
        connection = connection === "" ? value : `${connection},${value}`;
        break;
      case "host":
        hosts.push(value);
        endToEnd.push(name, value);
        break;
      case "coding":
        coding = coding === undefined ? value : `${coding}, ${value}`;
        break;
      case "length":
        if (length !== undefined) throw new ProxyError("framing_ambiguous");
        if (!LENGTH.test(value)) throw new ProxyError("length_invalid");
        length = Number(value);
        endToEnd.push(name, value);
        break;
      case "upgrade":
        if (httpVersion === "1.0") break; // RFC 9110 §7.8: no meaning in HTTP/1.0
        upgrade = upgrade === undefined ? value : `${upgrade}, ${value}`;
        break;
      case "te":
        if (httpVersion !== "1.0") takesTrailers ||= toMembers(value).includes("trailers");
        break;
      case "trailer":
        hasTrailer = true;
        endToEnd.push(name, value);
        break;
      default:
        endToEnd.push(name, value);
    }
  }
  if (coding !== undefined) checkCoding(coding, length, httpVersion);
  const framing = coding !== undefined ? "chunked" : (length ?? 0) > 0 ? "length" : "none";
  const hasUnmet =
    (hasTrailer && framing !== "chunked") || (expects !== "nothing" && framing === "none");
  const filtered = hasUnmet ? withoutUnmet(endToEnd, framing) : endToEnd;
  const nominated = connection === "" ? undefined : toNominated(connection);
  // Property by property: to spread an object makes a new shape each time, which costs a twentieth of an exchange's CPU time.
  return {
    endToEnd: nominated === undefined ? filtered : withoutNominated(filtered, nominated),
    hosts,
    framing,
    contentLength: length ?? 0,
    upgrade: upgrade === undefined ? undefined : toUpgradeFields(upgrade, connection),
    connection,
    takesTrailers,
    expects,
  };
}

function toUpgradeFields(protocols: string, connection: string): UpgradeFields | undefined {
  const option = findUpgradeOption(connection);
  return option === undefined ? undefined : { protocols, option };
}

/** Drops Trailer from a request without chunked content, and Expect from one without content: neither has a meaning there. */
function withoutUnmet(fields: readonly string[], framing: RequestFields["framing"]): string[] {
  return filterFields(
    fields,
    (name) =>
      !(name === "trailer" && framing !== "chunked") && !(name === "expect" && framing === "none"),
  );
}

function toExpectation(value: string): RequestFields["expects"] {
  return value.toLowerCase() === "100-continue" ? "continue" : "unknown";
}

// RFC 9112 §6.1, §6.3: the end of the content is ambiguous if there is also a length, in HTTP/1.0, and if chunked is not the last coding or
// is repeated (400). Another coding is only unknown (501).
function checkCoding(coding: string, length: number | undefined, httpVersion: string): void {
  if (length !== undefined) throw new ProxyError("framing_ambiguous");
  if (coding.toLowerCase() === "chunked") {
    if (httpVersion === "1.0") throw new ProxyError("coding_in_http10");
    return;
  }
  const codings = toMembers(coding);
  if (codings.length === 0) throw new ProxyError("coding_empty");
  const isLast = codings.length > 1 && codings.at(-1) === "chunked";
  const others = isLast ? codings.slice(0, -1) : codings;
  if (others.some((one) => /^chunked(?:[\t ;]|$)/.test(one)))
    throw new ProxyError("coding_not_last");
  throw new ProxyError("coding_unknown");
}
