/** The version of an IP address. */

import { isIPv4, isIPv6 } from "node:net"; // pure: the syntax of addresses, no socket

/**
 * Returns 4 or 6, or 0 if `text` is not an IP address, as `isIP` of `node:net` does. That function tests every name against the pattern
 * of IPv6 too, which V8 takes 4 ms to compile. At the start and at the first request, that is time lost.
 */
export function ipVersion(text: string): 0 | 4 | 6 {
  if (text.includes(":")) return isIPv6(text) ? 6 : 0;
  return isIPv4(text) ? 4 : 0;
}
