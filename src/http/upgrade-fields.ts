/** Protocol upgrades (RFC 9110 §7.8): which protocols headgate forwards, which 101 is valid, and its fields for the client. */

import type { UpgradeFields } from "./request-fields.ts";
import { filterFields, findUpgradeOption, isHopByHop, toMembers, toNominated } from "./fields.ts";
import type { RequestHead } from "./wire/request-head.ts";
import type { CheckedRequest } from "./request.ts";

/** HTTP/2 and its drafts (`h2-14`), in every version: in a tunnel, its requests would bypass every rule of the route file. */
const NEVER_TUNNELLED = /^"?h2c?(?![a-z0-9])/;

/**
 * Returns the Upgrade field for the upstream; undefined for a plain request. A server may ignore the field (RFC 9110 §7.8). headgate
 * ignores it in HTTP/1.0 and with HEAD, which needs a response and not a tunnel, and removes HTTP/2 from its protocols.
 */
export function toUpstreamUpgrade(
  { method, httpVersion }: RequestHead,
  { upgrade }: CheckedRequest,
): UpgradeFields | undefined {
  if (upgrade === undefined || method === "HEAD" || httpVersion === "1.0") return undefined;
  // A protocol is a name, optionally with a slash and a version.
  const protocols = filterProtocols(upgrade.protocols, (name) => !NEVER_TUNNELLED.test(name));
  return toMembers(protocols).length === 0 ? undefined : { ...upgrade, protocols };
}

/** Returns the members of an Upgrade field whose lower-case names `keep` accepts; the field unchanged if it accepts all. */
function filterProtocols(protocols: string, keep: (lowerCaseName: string) => boolean): string {
  const members = protocols.split(",");
  const accepted = members.filter((member) => keep(member.trim().toLowerCase()));
  return accepted.length === members.length ? protocols : accepted.join(",").trim();
}

/**
 * Whether a 101 is valid: its Upgrade field names at least one protocol and only requested ones (RFC 9110 §7.8: a server MUST NOT switch
 * to a protocol that the client did not indicate), and its Connection field names Upgrade. The case of names does not matter.
 */
export function isAgreedProtocol(requested: string, rawFields: readonly string[]): boolean {
  if (findUpgradeOption(joinValues(rawFields, "connection")) === undefined) return false;
  const offered = new Set(toMembers(requested));
  const chosen = toMembers(joinValues(rawFields, "upgrade"));
  return chosen.length > 0 && chosen.every((protocol) => offered.has(protocol));
}

/**
 * Returns the Upgrade field for the client of a response other than 101; empty for none.
 *
 * A 426 must have it (RFC 9110 §15.5.22). Any other final response keeps the protocols that the client requested. Other offers concern
 * the upstream's connection: headgate's clients cannot use the `h2,h2c` that Apache adds to each 200, and over HTTP/2 the field is an
 * error (RFC 9113 §8.2.2).
 */
export function toOffer(
  status: number,
  offered: string,
  requested: UpgradeFields | undefined,
): string {
  if (offered === "" || status === 426) return offered;
  if (requested === undefined || status < 200) return "";
  const wanted = new Set(toMembers(requested.protocols));
  return filterProtocols(offered, (name) => wanted.has(name) && !NEVER_TUNNELLED.test(name));
}

/**
 * Returns the fields of a 101 for the client, in their order: all end-to-end fields, Upgrade, and Connection reduced to the option
 * `upgrade` in its original case.
 */
export function toSwitchedFields(rawFields: readonly string[]): string[] {
  const isForwarded = createFieldFilter(rawFields);
  const fields: string[] = [];
  for (let index = 0; index < rawFields.length; index += 2) {
    const name = rawFields[index] ?? "";
    const value = rawFields[index + 1] ?? "";
    const lowerCaseName = name.toLowerCase();
    if (lowerCaseName === "connection") {
      const option = findUpgradeOption(value);
      if (option !== undefined) fields.push(name, option);
    } else if (lowerCaseName === "upgrade" || isForwarded(lowerCaseName)) fields.push(name, value);
  }
  return fields;
}

/** Drops Content-Length too: a 1xx has no content (RFC 9110 §8.6), and a client that obeys a length would lose the end of the message. */
function createFieldFilter(rawFields: readonly string[]): (lowerCaseName: string) => boolean {
  const nominated = toNominated(joinValues(rawFields, "connection"));
  return (name) => !isHopByHop(name) && name !== "content-length" && !nominated.has(name);
}

function joinValues(rawFields: readonly string[], lowerCaseName: string): string {
  const fields = filterFields(rawFields, (name) => name === lowerCaseName);
  return fields.filter((_, index) => index % 2 === 1).join(",");
}
