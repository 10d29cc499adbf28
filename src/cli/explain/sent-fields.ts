/** The fields that the upstream receives and those that headgate drops, each with its reason, for people. */

import { isClaim } from "../../http/forwarded.ts";

/** A field that the upstream receives. `note`: how headgate changed it; undefined if it did not. */
export interface SentField {
  readonly name: string;
  readonly value: string;
  readonly note: string | undefined;
}

/** A field that headgate drops. */
export interface DroppedField {
  readonly name: string;
  readonly value: string;
  readonly reason: string;
}

const ONE_CONNECTION = "belongs to one connection (RFC 9110 §7.6.1)";
const NO_CONTENT = "a HEAD has no content (RFC 9110 §9.3.2)";
const RANGE = "has no meaning on a HEAD (RFC 9110 §14.2)";

/** Fields that are never forwarded. */
const HOP_REASONS: Readonly<Record<string, string>> = {
  connection: ONE_CONNECTION,
  "keep-alive": ONE_CONNECTION,
  "proxy-connection": ONE_CONNECTION,
  te: ONE_CONNECTION,
  upgrade: ONE_CONNECTION,
  "transfer-encoding": "each hop frames content for itself (RFC 9112 §6.1)",
  trailer: "has no meaning without chunked content (RFC 9110 §6.6.2)",
  expect: "has no meaning without content (RFC 9110 §10.1.1)",
};

/** Fields that have no meaning in the upstream request. */
const REASONS: Readonly<Record<string, string>> = {
  range: RANGE,
  "if-range": RANGE,
  "content-length": NO_CONTENT,
  expect: NO_CONTENT,
  trailer: NO_CONTENT,
};

/**
 * The client's fields (`raw`) whose name does not occur in the upstream request. `endToEnd` are the fields that any proxy would
 * forward; `hop` are the fields that headgate sets for the connection to the upstream.
 */
export function toDropped(
  raw: readonly string[],
  endToEnd: readonly string[],
  outgoing: readonly string[],
  hop: readonly string[],
): readonly DroppedField[] {
  const own = toNames(hop);
  const passed = toNames(endToEnd);
  const sent = toNames(outgoing);
  return toPairs(raw).flatMap(([name, value]) => {
    const known = name.toLowerCase();
    if (known === "host" || own.has(known) || (sent.has(known) && passed.has(known))) return [];
    const reason = passed.has(known)
      ? (REASONS[known] ?? toOtherReason(known))
      : (HOP_REASONS[known] ?? "Connection lists it (RFC 9110 §7.6.1)");
    return [{ name, value, reason }];
  });
}

/** The fields that the upstream receives. `hop` are the fields that headgate sets for the connection to it. */
export function toSent(
  raw: readonly string[],
  outgoing: readonly string[],
  hop: readonly string[],
): readonly SentField[] {
  const given = toPairs(raw);
  const isGiven = (name: string, value?: string): boolean =>
    given.some(
      ([one, other]) =>
        one.toLowerCase() === name.toLowerCase() && (value === undefined || other === value),
    );
  const fields = toPairs(outgoing).map(([name, value]) => {
    const note = isGiven(name, value) ? undefined : isGiven(name) ? "changed" : "added";
    return { name, value, note };
  });
  const note = "for the connection to the upstream";
  return [...fields, ...toPairs(hop).map(([name, value]) => ({ name, value, note }))];
}

function toOtherReason(name: string): string {
  return isClaim(name)
    ? "forwarded.trust does not contain the client"
    : "has no meaning in the GET for a HEAD";
}

function toNames(fields: readonly string[]): ReadonlySet<string> {
  return new Set(toPairs(fields).map(([name]) => name.toLowerCase()));
}

function toPairs(fields: readonly string[]): readonly (readonly [name: string, value: string])[] {
  return fields.flatMap((name, index) =>
    index % 2 === 0 ? [[name, fields[index + 1] ?? ""] as const] : [],
  );
}
