/**
 * What IP addresses and host names look like: pieces of regular expressions, for the parsers and for the JSON Schema. The schema's
 * readers are editors, Go (helm) and Python. Use only what all of them support: no look-around, no `\p`, no `\u`.
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

/** Those with that many groups before the `::`, which stands for one group at least; an IPv4 address at the end takes two. */
function compressedAfter(groups: number): string {
  const before = groups === 0 ? ":" : `(?:${GROUP}:){${groups}}`;
  const after = [
    ...(groups <= 6 ? [`${GROUP}(?::${GROUP}){0,${6 - groups}}`] : []),
    ...(groups <= 5 ? [`(?:${GROUP}:){0,${5 - groups}}${IPV4}`] : []),
  ];
  return after.length === 0 ? `${before}:` : `${before}:(?:${after.join("|")})?`;
}

/** One label of a name. Underscores are not standard, but many names have them. */
export const LABEL = "[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?";
const REST = "(?:[A-Za-z0-9_-]*[A-Za-z0-9_])?";
const HYPHEN = "-[A-Za-z0-9_-]*[A-Za-z0-9_]";
/** The last label. The URL class takes a name whose last label is a number, decimal or hexadecimal, for an IPv4 address. */
const LAST_LABEL = `(?:${[
  `[A-Za-z_]${REST}`,
  `0(?:[A-WYZa-wyz_]${REST}|${HYPHEN})`,
  `(?:[1-9]|0[0-9])[0-9]*(?:[A-Za-z_]${REST}|${HYPHEN})`,
].join("|")})`;
/** A host name. */
export const HOST_NAME = `(?:${LABEL}\\.)*${LAST_LABEL}\\.?`;
/** RFC 1035 §2.3.4. */
export const MAX_NAME_LENGTH = 253;

/** What stands in brackets in the pattern of a control character. `\p{C}` has more, and not every reader of the schema knows it. */
export const UNPRINTABLE = "\\x00-\\x1f\\x7f-\\x9f\\xad";
