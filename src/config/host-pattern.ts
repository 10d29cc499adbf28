/**
 * Pieces of regular expressions for IP addresses and host names, used by the parsers and by the JSON Schema. Editors, Go (helm)
 * and Python read the schema. Use only what all of them support: no look-around, no `\p`, no `\u`.
 */

import { wholeNumber } from "./number-pattern.ts";

const OCTET = wholeNumber(0, 255);
/** An IPv4 address. */
export const IPV4 = `${OCTET}(?:\\.${OCTET}){3}`;

const GROUP = "[0-9A-Fa-f]{1,4}";
/** An IPv6 address (RFC 4291 §2.2), without a zone. */
export const IPV6 = `(?:${[
  `(?:${GROUP}:){7}${GROUP}`,
  `(?:${GROUP}:){6}${IPV4}`,
  ...[0, 1, 2, 3, 4, 5, 6, 7].map(compressedAfter),
].join("|")})`;

/**
 * Returns a pattern for the addresses with that many groups before the `::`. The `::` stands for at least one group, and an IPv4
 * address at the end for two.
 */
function compressedAfter(groups: number): string {
  const before = groups === 0 ? ":" : `(?:${GROUP}:){${groups}}`;
  const after = [
    ...(groups <= 6 ? [`${GROUP}(?::${GROUP}){0,${6 - groups}}`] : []),
    ...(groups <= 5 ? [`(?:${GROUP}:){0,${5 - groups}}${IPV4}`] : []),
  ];
  return after.length === 0 ? `${before}:` : `${before}:(?:${after.join("|")})?`;
}

/** One label of a host name. Underscores are not standard, but many names have them. */
export const LABEL = "[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?";
const REST = "(?:[A-Za-z0-9_-]*[A-Za-z0-9_])?";
const HYPHEN = "-[A-Za-z0-9_-]*[A-Za-z0-9_]";
/** The last label is no number: the URL class takes a name that ends with a decimal or hexadecimal number for an IPv4 address. */
const LAST_LABEL = `(?:${[
  `[A-Za-z_]${REST}`,
  `0(?:[A-WYZa-wyz_]${REST}|${HYPHEN})`,
  `(?:[1-9]|0[0-9])[0-9]*(?:[A-Za-z_]${REST}|${HYPHEN})`,
].join("|")})`;
/** A host name, with or without a dot at the end. */
export const HOST_NAME = `(?:${LABEL}\\.)*${LAST_LABEL}\\.?`;
/** The maximum length of a host name in characters (RFC 1035 §2.3.4). */
export const MAX_NAME_LENGTH = 253;

/** Control characters, for use between the brackets of a pattern. `\p{C}` has more, but not every reader of the schema supports it. */
export const UNPRINTABLE = "\\x00-\\x1f\\x7f-\\x9f\\xad";
