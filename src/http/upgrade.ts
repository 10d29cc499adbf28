/** Requests that ask to switch protocols (RFC 9110 §7.8). */

import type { RequestHead } from "./request.ts";

/**
 * The same request without the wish to switch, as bytes in latin1 to be parsed again.
 *
 * Other fields that Connection names stay named there, so that they are still taken for hop-by-hop: a Java client's `h2c`
 * comes with `Connection: Upgrade, HTTP2-Settings`.
 */
export function toPlainRequest({ method, target, httpVersion, rawFields }: RequestHead): string {
  let head = `${method} ${target} HTTP/${httpVersion}\r\n`;
  for (let index = 0; index < rawFields.length; index += 2) {
    const name = rawFields[index] ?? "";
    const value = rawFields[index + 1] ?? "";
    const lowerCaseName = name.toLowerCase();
    if (lowerCaseName === "upgrade") continue;
    if (lowerCaseName !== "connection") {
      head += `${name}: ${value}\r\n`;
      continue;
    }
    const rest = value.split(",").filter((token) => token.trim().toLowerCase() !== "upgrade");
    if (rest.length > 0) head += `${name}: ${rest.join(",")}\r\n`;
  }
  return `${head}\r\n`;
}
