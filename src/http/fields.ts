/** Header fields as lists of name, value, name, value, …: which of them are hop-by-hop, and how to find one. */

import { createNameTable } from "./name-table.ts";

/** The fields that a proxy has to treat specially. */
export type FieldKind =
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

// RFC 9110 §7.6.1, and non-standard hop-by-hop fields. A field that is not in this table is end-to-end.
const KINDS: ReadonlyMap<string, FieldKind> = new Map<string, FieldKind>([
  ["connection", "connection"],
  ["keep-alive", "keep-alive"], // HTTP/1.0's parameters for one connection
  ["proxy-connection", "hop"], // non-standard; old clients send it to proxies
  ["te", "te"], // what the client can decode; headgate sends its own TE if the client takes trailers
  ["upgrade", "upgrade"],
  ["transfer-encoding", "coding"], // each hop has its own framing
  ["trailer", "trailer"], // has a meaning only with chunked framing
  ["host", "host"],
  ["content-length", "length"],
  ["expect", "expect"], // has a meaning only with content
  ["content-type", "type"],
]);

const ONE_HOP = new Set<FieldKind>(["hop", "te", "keep-alive", "connection", "upgrade", "coding"]);

/** Returns the kind of a field; undefined for a plain end-to-end field. */
export const kindOf = createNameTable(KINDS);

// Fields that decide how a message is read. A Connection field that names one of these is an attack or a mistake: to obey it would remove
// the message's host or its framing.
const NEVER_NOMINATED: ReadonlySet<string> = new Set([
  "host",
  "content-length",
  "transfer-encoding",
  "expect",
  "content-type",
  "content-encoding",
  "content-range",
]);

/** Returns the fields whose lower-case names `keep` accepts. */
export function filterFields(
  fields: readonly string[],
  keep: (lowerCaseName: string) => boolean,
): string[] {
  const filtered: string[] = [];
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? "";
    if (keep(name.toLowerCase())) filtered.push(name, fields[index + 1] ?? "");
  }
  return filtered;
}

/** Returns the value of the first field with this lower-case name; undefined without one. */
export function findField(fields: readonly string[], lowerCaseName: string): string | undefined {
  const at = indexOfField(fields, lowerCaseName, 0);
  return at === -1 ? undefined : fields[at + 1];
}

/** Returns the value of a field that is valid only once; undefined if it is missing or repeated. */
export function findOnlyField(
  fields: readonly string[],
  lowerCaseName: string,
): string | undefined {
  const at = indexOfField(fields, lowerCaseName, 0);
  if (at === -1 || indexOfField(fields, lowerCaseName, at + 2) !== -1) return undefined;
  return fields[at + 1];
}

/** Returns the index of the first field with this name from `start` on; -1 without one. */
function indexOfField(fields: readonly string[], lowerCaseName: string, start: number): number {
  for (let index = start; index < fields.length; index += 2) {
    const name = fields[index] ?? "";
    if (name.length === lowerCaseName.length && name.toLowerCase() === lowerCaseName) return index;
  }
  return -1;
}

/** Whether a field is always hop-by-hop (RFC 9110 §7.6.1), even if Connection does not name it. */
export function isHopByHop(name: string): boolean {
  const kind = kindOf(name);
  return kind !== undefined && ONE_HOP.has(kind);
}

/** Returns the names in a Connection field (several fields joined), without those that decide how a message is read. */
export function toNominated(connection: string): ReadonlySet<string> {
  return new Set(toMembers(connection).filter((token) => !NEVER_NOMINATED.has(token)));
}

/** Returns the fields without those that Connection names. */
export function withoutNominated(fields: string[], nominated: ReadonlySet<string>): string[] {
  // `keep-alive`, `close` and `upgrade` name no field in the list, so the common case copies nothing.
  for (const token of nominated) {
    if (token !== "keep-alive" && token !== "close" && token !== "upgrade") {
      return filterFields(fields, (name) => !nominated.has(name));
    }
  }
  return fields;
}

/** Returns the members of a comma-separated list (RFC 9110 §5.6.1) in lower case. Only for fields without quoted strings. */
export function toMembers(value: string): string[] {
  const members = value.split(",").map((member) => member.trim().toLowerCase());
  return members.filter((member) => member !== "");
}

/** Whether a connection persists after a message of this version with this Connection field (RFC 9112 §9.3). */
export function keepsAlive(httpVersion: string, connection: string): boolean {
  if (connection === "") return httpVersion === "1.1";
  const options = toMembers(connection);
  return !options.includes("close") && (httpVersion === "1.1" || options.includes("keep-alive"));
}

/** Returns the option `upgrade` of a Connection field in its original case; undefined if the field does not name it. */
export function findUpgradeOption(connection: string): string | undefined {
  return /(?:^|,)[\t ]*(upgrade)[\t ]*(?:,|$)/i.exec(connection)?.[1];
}

/** Whether a trailer with this lower-case name does not frame, route or decode a message (RFC 9110 §6.5.1). */
export function isEndToEndTrailer(lowerCaseName: string): boolean {
  return !KINDS.has(lowerCaseName) && !NEVER_NOMINATED.has(lowerCaseName);
}

/** Whether a trailer section has a field about its connection or about framing, which RFC 9110 §6.5.1 forbids. */
export function hasConnectionTrailer(raw: readonly string[]): boolean {
  return raw.some((name, index) => {
    const kind = index % 2 === 0 ? kindOf(name) : undefined;
    return kind === "connection" || kind === "length" || kind === "coding";
  });
}
