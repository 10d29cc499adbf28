/** Valid requests, and parts of requests that the families corrupt. */

import type { Random } from "../shared/random.ts";

/** A request that no client sent: if it is part of content, it may not reach an upstream. */
export const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: smuggled.example\r\n\r\n";

const KNOWN_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"];
/** Any token is a method. */
const ODD_METHODS = ["VERSION-CONTROL", "CCM_POST", "get", "Head", "!#$%&'*+-.^_`|~09"];
const TARGETS = [
  "/",
  "/a/b",
  "/?",
  "/a?b=c&d",
  "//double//slash",
  "/a/../b",
  "/%2e%2e/%00/%zz",
  "/;p=1/..;/x",
  "/a\\b",
  "/a|b{c}'\"<>^`",
  "/?q=http://b.example/",
  "/HTTP/1.1",
  "/:80@x",
  "/caf\xc3\xa9?\x80\xff",
];
const NAMES = ["X-A", "Accept", "Cookie", "User-Agent", "x_under", "__proto__", "constructor"];
const ODD_NAMES = ["!#$%&'*+-.^_`|~", "Content-Lengt", "Transfer-Encodin", "Ho-st", "TE", "Range"];
/** Values without an effect on framing. */
export const VALUES = [
  "",
  "a",
  "a, b;c=d",
  '"quoted \\" text"',
  "\xe4\xff",
  "a\tb",
  "chunked",
  "5",
  ": :",
];
const FIELD_BYTES = "abc ,;=:\t\"'\\/()<>@[]{}?!~\x80\xff";

/** A method, with or without content. */
export function toMethod(random: Random): string {
  return random.pick(random.oneIn(8) ? ODD_METHODS : KNOWN_METHODS);
}

/** A request-target in origin-form. */
export function toTarget(random: Random): string {
  return `${random.pick(TARGETS)}${random.oneIn(3) ? random.text("abc019._~-", random.below(12)) : ""}`;
}

/** Up to four field lines that do not affect framing, routing or the connection. */
export function toFields(random: Random): string[] {
  return Array.from({ length: random.below(5) }, () => {
    const name = random.pick(random.oneIn(3) ? ODD_NAMES : NAMES);
    const value = random.oneIn(3)
      ? random.text(FIELD_BYTES, random.below(20)).trim()
      : random.pick(VALUES);
    return `${name}:${random.pick(["", " ", "\t", "  "])}${value}${random.pick(["", "", " ", "\t"])}`;
  });
}

/** Content, which often looks like a request or like the end of chunks. */
export function toBody(random: Random): string {
  switch (random.below(6)) {
    case 0:
      return "";
    case 1:
      return SMUGGLED;
    case 2:
      return `0\r\n\r\n${SMUGGLED}`;
    case 3:
      return random.text("\0\r\n0a:\xff", 1 + random.below(40));
    case 4:
      return "x".repeat(random.below(6000));
    default:
      return random.text("abcdefgh", 1 + random.below(100));
  }
}

/** Content in chunks, without the bytes after the last one. */
export function toChunks(random: Random, body: string): string {
  let chunks = "";
  for (let at = 0; at < body.length;) {
    const size = Math.min(body.length - at, 1 + random.below(random.pick([4, 64, 4096])));
    const digits = size.toString(16);
    const written = random.oneIn(3)
      ? digits.toUpperCase().padStart(1 + random.below(6), "0")
      : digits;
    chunks += `${written}\r\n${body.slice(at, at + size)}\r\n`;
    at += size;
  }
  return chunks;
}

/** A complete request. `lines` are inserted among its other fields. */
export function toRequest(
  random: Random,
  start: string,
  lines: readonly string[],
  body = "",
): string {
  const host = lines.some((line) => /^host\s*:/i.test(line)) ? [] : ["Host: a.example"];
  const others = toFields(random);
  const at = random.below(others.length + 1);
  const fields = [...host, ...others.slice(0, at), ...lines, ...others.slice(at)];
  return `${start} HTTP/1.1\r\n${fields.join("\r\n")}\r\n\r\n${body}`;
}

/** A valid request of any kind. */
export function toValid(random: Random): string {
  const method = toMethod(random);
  const start = `${method} ${toTarget(random)}`;
  const body = toBody(random);
  switch (random.below(method === "GET" || method === "HEAD" ? 5 : 3)) {
    case 0:
      return toRequest(
        random,
        start,
        [`${random.pick(["Transfer-Encoding", "transfer-encoding"])}: chunked`],
        `${toChunks(random, body)}${"0".repeat(1 + random.below(3))}\r\n\r\n`,
      );
    case 1:
      return toRequest(random, start, [`Content-Length: ${body.length}`], body);
    default:
      return toRequest(random, start, []);
  }
}

/** A request with content, framed by a length or by chunks. */
export function toFramed(
  random: Random,
  start: string,
  lines: readonly string[],
  body = toBody(random),
): string {
  return random.oneIn(2)
    ? toRequest(random, start, [...lines, `Content-Length: ${body.length}`], body)
    : toRequest(
        random,
        start,
        [...lines, "Transfer-Encoding: chunked"],
        `${toChunks(random, body)}0\r\n\r\n`,
      );
}
