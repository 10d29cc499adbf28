/** Header fields as lists of name, value, name, value, …: what belongs to one hop stays there, all else keeps order and case. */

import { ProxyError } from "./errors.ts";
import { createNameTable } from "./name-table.ts";

/** An Upgrade field that Connection names (RFC 9110 §7.8). */
export interface UpgradeFields {
  /** The protocols, all lines in one. */
  readonly protocols: string;
  /** The option `upgrade` of Connection, in the case that came. */
  readonly option: string;
}

/** What one pass over a request's fields finds. */
export interface RequestFields {
  /** The end-to-end fields, raw, Host in its place among them. */
  readonly endToEnd: string[];
  readonly hosts: readonly string[];
  /** How the request's content is framed (RFC 9112 §6.3). */
  readonly framing: "none" | "length" | "chunked";
  /** 0 unless it is framed by its length. */
  readonly contentLength: number;
  readonly upgrade: UpgradeFields | undefined;
  /** What Connection says, all its lines in one; empty where it is not there. */
  readonly connection: string;
  /** Whether TE says that the client takes trailers (RFC 9110 §10.1.4). */
  readonly takesTrailers: boolean;
  /** What Expect says; in HTTP/1.0 it means nothing (RFC 9110 §10.1.1). */
  readonly expects: "nothing" | "continue" | "unknown";
}

/** What one pass over an answer's fields finds. */
export interface ResponseFields {
  /** The end-to-end fields, raw; Transfer-Encoding is not among them. */
  readonly endToEnd: string[];
  readonly chunked: boolean;
  /** Whether `endToEnd` announces trailers. */
  readonly trailer: boolean;
  readonly contentLength: number | undefined;
  readonly eventStream: boolean;
  /** What Connection says, all its lines in one; empty where it is not there. */
  readonly connection: string;
  /** What Keep-Alive says; empty where it is not there. */
  readonly keepAlive: string;
  /** What Upgrade says, all its lines in one; empty where it is not there. */
  readonly upgrade: string;
}

type FieldKind =
  | "hop"
  | "keep-alive"
  | "connection"
  | "host"
  | "length"
  | "coding"
  | "upgrade"
  | "te"
  | "trailer"
  | "expect"
  | "type";

// RFC 9110 §7.6.1 and what history added. Everything that is not in this table is end-to-end.
const KINDS: ReadonlyMap<string, FieldKind> = new Map<string, FieldKind>([
  ["connection", "connection"],
  ["keep-alive", "keep-alive"], // HTTP/1.0's parameters for one connection
  ["proxy-connection", "hop"], // non-standard, still sent by old clients to what they believe is a proxy
  ["te", "te"], // what this connection's peer can decode; headgate sends its own TE where the client takes trailers
  ["upgrade", "upgrade"],
  ["transfer-encoding", "coding"], // each hop frames for itself
  ["trailer", "trailer"], // means something only beside chunked framing
  ["host", "host"],
  ["content-length", "length"],
  ["expect", "expect"], // means something only beside content
  ["content-type", "type"],
]);

const ONE_HOP = new Set<FieldKind>(["hop", "te", "keep-alive", "connection", "upgrade", "coding"]);

const kindOf = createNameTable(KINDS);

// Fields that say how the message is read. A Connection field that names one of these is an attack or a mistake, and obeying
// it would lose the message's host or its framing.
const NEVER_NOMINATED: ReadonlySet<string> = new Set([
  "host",
  "content-length",
  "transfer-encoding",
  "expect",
  "content-type",
  "content-encoding",
  "content-range",
]);

// Fifteen digits are below 2^53: a double counts them exactly.
const LENGTH = /^[0-9]{1,15}$/;
// An answer's may be that of content which nobody will fetch, a HEAD's say, and passes digit for digit.
const RESPONSE_LENGTH = /^[0-9]{1,19}$/;

/**
 * Sorts a request's fields: one pass, nothing joined, nothing renamed.
 *
 * Throws a ProxyError for framing that another reader may read differently: a coding beside
 * chunked (501, RFC 9112 §6.1), chunked in HTTP/1.0 (400, §6.1 calls it faulty), two framings in one message (400, §6.3), a
 * Content-Length that a double does not hold (400, RFC 9110 §8.6).
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
        if (httpVersion === "1.0") break; // RFC 9110 §7.8: means nothing there
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
  const kept = hasUnmet ? withoutUnmet(endToEnd, framing) : endToEnd;
  const nominated = connection === "" ? undefined : toNominated(connection);
  // Spelled out: an object that is spread into another has a shape of its own each time, which costs a twentieth of an exchange.
  return {
    endToEnd: nominated === undefined ? kept : withoutNominated(kept, nominated),
    hosts,
    framing,
    contentLength: length ?? 0,
    upgrade: upgrade === undefined ? undefined : toUpgradeFields(upgrade, connection),
    connection,
    takesTrailers,
    expects,
  };
}

/**
 * Sorts an answer's fields. Values are latin1 on the wire (RFC 9110 §5.5).
 *
 * Throws a ProxyError (502) for a transfer coding other than chunked, and for a Content-Length that is doubled or none.
 */
// oxlint-disable-next-line complexity -- one pass over the fields, one case for each kind
export function readResponseFields(raw: readonly string[]): ResponseFields {
  const endToEnd: string[] = [];
  let chunked = false;
  let contentLength: number | undefined;
  let eventStream = false;
  let connection = "";
  let keepAlive = "";
  let upgrade = "";
  let trailer = false;
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
      case "te":
        break;
      case "upgrade":
        upgrade = upgrade === "" ? value : `${upgrade}, ${value}`;
        break;
      case "keep-alive":
        keepAlive = value;
        break;
      case "connection":
        connection = connection === "" ? value : `${connection},${value}`;
        break;
      case "coding":
        // The coding is taken off with the framing; content in one that stays on would arrive without its name.
        if (chunked || value.toLowerCase() !== "chunked")
          throw new ProxyError("http_response_transfer_coding");
        chunked = true;
        break;
      case "trailer":
        trailer = true;
        endToEnd.push(name, value);
        break;
      case "length":
        if (contentLength !== undefined || !RESPONSE_LENGTH.test(value))
          throw new ProxyError("http_protocol_error");
        contentLength = Number(value);
        endToEnd.push(name, value);
        break;
      case "type":
        eventStream = /^text\/event-stream\b/i.test(value);
        endToEnd.push(name, value);
        break;
      default:
        endToEnd.push(name, value);
    }
  }
  const kept = connection === "" ? endToEnd : withoutNominated(endToEnd, toNominated(connection));
  return {
    endToEnd: kept,
    chunked,
    trailer,
    contentLength,
    eventStream,
    connection,
    keepAlive,
    upgrade,
  };
}

/** Whether a trailer of that lower-case name neither frames, routes nor decodes a message (RFC 9110 §6.5.1). */
export function isEndToEndTrailer(lowerCaseName: string): boolean {
  return !KINDS.has(lowerCaseName) && !NEVER_NOMINATED.has(lowerCaseName);
}

/** Whether a trailer section says something of its connection or of framing, where nobody may (RFC 9110 §6.5.1). */
export function hasConnectionTrailer(raw: readonly string[]): boolean {
  return raw.some((name, index) => {
    const kind = index % 2 === 0 ? kindOf(name) : undefined;
    return kind === "connection" || kind === "length" || kind === "coding";
  });
}

/** Keeps fields by their lower-case names. */
export function filterFields(
  fields: readonly string[],
  keep: (lowerCaseName: string) => boolean,
): string[] {
  const kept: string[] = [];
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? "";
    if (keep(name.toLowerCase())) kept.push(name, fields[index + 1] ?? "");
  }
  return kept;
}

/** The value of the first field of that lower-case name. */
export function findField(fields: readonly string[], lowerCaseName: string): string | undefined {
  const at = indexOfField(fields, lowerCaseName, 0);
  return at === -1 ? undefined : fields[at + 1];
}

/** The value of a field that means something only where it stands once. */
export function findOnlyField(
  fields: readonly string[],
  lowerCaseName: string,
): string | undefined {
  const at = indexOfField(fields, lowerCaseName, 0);
  if (at === -1 || indexOfField(fields, lowerCaseName, at + 2) !== -1) return undefined;
  return fields[at + 1];
}

/** Where the name stands, at `start` or behind it; -1 where it does not. */
function indexOfField(fields: readonly string[], lowerCaseName: string, start: number): number {
  for (let index = start; index < fields.length; index += 2) {
    const name = fields[index] ?? "";
    if (name.length === lowerCaseName.length && name.toLowerCase() === lowerCaseName) return index;
  }
  return -1;
}

/** Whether a field is of one connection alone (RFC 9110 §7.6.1), whatever Connection names. */
export function isHopByHop(name: string): boolean {
  const kind = kindOf(name);
  return kind !== undefined && ONE_HOP.has(kind);
}

/** The fields that a Connection field, or several of them joined, names; never those that say how the message is read. */
export function toNominated(connection: string): ReadonlySet<string> {
  return new Set(toMembers(connection).filter((token) => !NEVER_NOMINATED.has(token)));
}

/** The option `upgrade` of a Connection field in the case that came; undefined if the field does not name it. */
export function findUpgradeOption(connection: string): string | undefined {
  return /(?:^|,)[\t ]*(upgrade)[\t ]*(?:,|$)/i.exec(connection)?.[1];
}

function toUpgradeFields(protocols: string, connection: string): UpgradeFields | undefined {
  const option = findUpgradeOption(connection);
  return option === undefined ? undefined : { protocols, option };
}

/** Whether a connection goes on after a message of that version (RFC 9112 §9.3). */
export function isKept(httpVersion: string, connection: string): boolean {
  if (connection === "") return httpVersion === "1.1";
  const options = toMembers(connection);
  return !options.includes("close") && (httpVersion === "1.1" || options.includes("keep-alive"));
}

/** The members of a comma-separated list (RFC 9110 §5.6.1), in lower case; neither Connection nor Upgrade quotes anything. */
export function toMembers(value: string): string[] {
  const members = value.split(",").map((member) => member.trim().toLowerCase());
  return members.filter((member) => member !== "");
}

/** Drops Trailer from a request without chunked content, and Expect from one without content: neither can be met. */
function withoutUnmet(fields: readonly string[], framing: RequestFields["framing"]): string[] {
  return filterFields(
    fields,
    (name) =>
      !(name === "trailer" && framing !== "chunked") && !(name === "expect" && framing === "none"),
  );
}

function withoutNominated(fields: string[], nominated: ReadonlySet<string>): string[] {
  // `keep-alive`, `close` and `upgrade` name no field that is still here: the common case copies nothing.
  for (const token of nominated) {
    if (token !== "keep-alive" && token !== "close" && token !== "upgrade") {
      return filterFields(fields, (name) => !nominated.has(name));
    }
  }
  return fields;
}

function toExpectation(value: string): RequestFields["expects"] {
  return value.toLowerCase() === "100-continue" ? "continue" : "unknown";
}

// RFC 9112 §6.1, §6.3: beside a length, in HTTP/1.0, and where chunked does not come once and last, nobody can tell where the content
// ends; another coding is merely unknown.
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
