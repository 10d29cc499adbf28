/** Header fields as lists of name, value, name, value, …: which of them belong to one hop, and how to find one. */

import { createNameTable } from "./name-table.ts";

/** Fields that mean something to a proxy. */
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

/** Returns the kind of a field; undefined for a plain end-to-end field. */
export const kindOf = createNameTable(KINDS);

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

/** Keeps fields by their lower-case names. */
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

/** Returns the fields without those that Connection names. */
export function withoutNominated(fields: string[], nominated: ReadonlySet<string>): string[] {
  // `keep-alive`, `close` and `upgrade` name no field that is still here: the common case copies nothing.
  for (const token of nominated) {
    if (token !== "keep-alive" && token !== "close" && token !== "upgrade") {
      return filterFields(fields, (name) => !nominated.has(name));
    }
  }
  return fields;
}

/** The members of a comma-separated list (RFC 9110 §5.6.1), in lower case; neither Connection nor Upgrade quotes anything. */
export function toMembers(value: string): string[] {
  const members = value.split(",").map((member) => member.trim().toLowerCase());
  return members.filter((member) => member !== "");
}

/** Whether a connection goes on after a message of that version (RFC 9112 §9.3). */
export function keepsAlive(httpVersion: string, connection: string): boolean {
  if (connection === "") return httpVersion === "1.1";
  const options = toMembers(connection);
  return !options.includes("close") && (httpVersion === "1.1" || options.includes("keep-alive"));
}

/** The option `upgrade` of a Connection field in the case that came; undefined if the field does not name it. */
export function findUpgradeOption(connection: string): string | undefined {
  return /(?:^|,)[\t ]*(upgrade)[\t ]*(?:,|$)/i.exec(connection)?.[1];
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
