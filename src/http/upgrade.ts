/** Protocol upgrades, RFC 9110 §7.8: what the request asks, what a 101 may answer, how a head looks on the wire. */

import type { UpgradeFields } from "./request-fields.ts";
import { filterFields, findUpgradeOption, isHopByHop, toMembers, toNominated } from "./fields.ts";
import type { RequestHead } from "./wire/request-head.ts";
import type { CheckedRequest } from "./request.ts";

/** HTTP/2 and its drafts (`h2-14`), whatever stands behind the name: in a tunnel they would carry requests past every rule of the route file. */
const NEVER_TUNNELLED = /^"?h2c?(?![a-z0-9])/;

/**
 * Returns the Upgrade field for the upstream; undefined for a plain request. A server may ignore the field (RFC 9110 §7.8). headgate
 * ignores it with HEAD, which wants a response and not a connection, and in HTTP/1.0, and removes HTTP/2 from its protocols.
 */
export function toTunnel(
  { method, httpVersion }: RequestHead,
  { upgrade }: CheckedRequest,
): UpgradeFields | undefined {
  if (upgrade === undefined || method === "HEAD" || httpVersion !== "1.1") return undefined;
  // A protocol is a name, and may have a version behind a slash.
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
 * True if the 101's Upgrade field names something, and nothing that was not asked for (RFC 9110 §7.8: a server MUST NOT
 * switch to a protocol that the client did not indicate), and its Connection field says that the field is meant for this hop.
 * Names are compared without regard to case.
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
 * A 426 must carry it (RFC 9110 §15.5.22). Any other final response keeps the protocols that the client asked for. Other offers are about
 * the upstream's connection: headgate's clients cannot use the `h2,h2c` that Apache adds to each 200, and a front that forwards it over
 * HTTP/2 makes an error of it (RFC 9113 §8.2.2).
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
 * The fields of a 101 on their way to the client, in their order: everything end-to-end, the Upgrade field, and Connection
 * reduced to the option `upgrade` as it came.
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

/** A 1xx has no content (RFC 9110 §8.6), and a client that believes in a length loses its place. */
function createFieldFilter(rawFields: readonly string[]): (lowerCaseName: string) => boolean {
  const nominated = toNominated(joinValues(rawFields, "connection"));
  return (name) => !isHopByHop(name) && name !== "content-length" && !nominated.has(name);
}

function joinValues(rawFields: readonly string[], lowerCaseName: string): string {
  const fields = filterFields(rawFields, (name) => name === lowerCaseName);
  return fields.filter((_, index) => index % 2 === 1).join(",");
}
