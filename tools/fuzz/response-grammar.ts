/** Parts of responses. */

import type { Random } from "../shared/random.ts";

/** Placeholder for the number of the case, so that a response to another request is detected. */
export const MARK = "@@@@@@@@";

/** A complete unsolicited response. */
export const POISON = `HTTP/1.1 200 OK\r\nX-Poison: ${MARK}\r\nContent-Length: 14\r\n\r\npoison${MARK}`;

const STATUSES = [
  "200 OK",
  "404 Not Found",
  "500 ",
  "206 Partial Content",
  "201 Cr\xe9\xe9",
  "299 x",
];
const FIELDS = [
  "X-A: b",
  "Set-Cookie: a=b",
  "Set-Cookie: c=d",
  "Date: x",
  "X-B:",
  "Age: 1",
  "X-C: \xe4\xff",
  "Server: a\tb",
];

/** A header section that includes these lines. */
export function toHead(
  random: Random,
  lines: readonly string[],
  status = random.pick(STATUSES),
): string {
  const others = Array.from({ length: random.below(4) }, () => random.pick(FIELDS));
  const at = random.below(others.length + 1);
  const fields = [`X-Case: ${MARK}`, ...others.slice(0, at), ...lines, ...others.slice(at)];
  return `HTTP/1.1 ${status}\r\n${fields.join("\r\n")}\r\n\r\n`;
}

/** Content that identifies its case, and often looks like something else. */
export function toBody(random: Random): string {
  return `${MARK}${random.pick(["", "\r\n\r\n", "0\r\n\r\n", POISON, "x".repeat(random.below(3000))])}`;
}

/** A complete response with a length. */
export function withLength(random: Random): string {
  const body = toBody(random);
  return `${toHead(random, [`Content-Length: ${body.length}`])}${body}`;
}
