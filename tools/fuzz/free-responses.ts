/** Responses with deviations that have only one interpretation: a single one, or several together. */

import { toBody, toHead } from "./response-grammar.ts";
import type { Random } from "../shared/random.ts";

type Liberty = (head: string, random: Random) => string;

/** Each deviation changes a header section that ends with an empty line. */
const LIBERTIES: readonly Liberty[] = [
  (head) => head.replace("X-Case: ", "X-Case : "),
  (head, random) =>
    head.replace("\r\n", `\r\nX-Free\t: a${random.pick(["\x01", "\x0b", "\x7f"])}b\r\n`),
  (head, random) => head.replace(/^HTTP\/1\.1 /, `HTTP/1.${random.pick(["2", "9"])} `),
  (head) => head.replace(/^(HTTP\/1\.\d) (\d+) /, "$1  $2\t"),
  (head) => head.replace(/\r\n(Content-Length: \d+)/, "\r\n$1\r\n$1"),
  (head) => head.replace(/\r\nContent-Length: (\d+)/, "\r\nContent-Length: $1, $1"),
  (head, random) => random.pick(["\r\n", "\n", "\r\n\r\n"]) + head,
  (head) => `HTTP/1.1 100 Continue\r\n\r\n\r\n${head}`,
  (head) => head.replaceAll("\r\n", "\n"),
];

/** A complete response with one or more deviations. */
export function withLiberties(random: Random): string {
  const body = toBody(random);
  const isChunked = random.oneIn(2);
  const plain = toHead(random, [
    isChunked ? "Transfer-Encoding: chunked" : `Content-Length: ${body.length}`,
  ]);
  let head = plain;
  for (const liberty of LIBERTIES) if (random.oneIn(3)) head = liberty(head, random);
  return head + (isChunked ? toFreeChunks(random, body) : body);
}

function toFreeChunks(random: Random, body: string): string {
  const at = 1 + random.below(body.length - 1);
  const pad = (): string => random.pick(["", " ", "  \t", ";", ' ;a="', ";\x01"]);
  const chunks = [body.slice(0, at), body.slice(at)].filter((part) => part !== "");
  const trailers = random.pick(["", "X-T : a\r\n", "X-T: \x02\r\n"]);
  const sized = chunks.map((part) => `${part.length.toString(16)}${pad()}\r\n${part}\r\n`);
  return `${sized.join("")}0${pad()}\r\n${trailers}\r\n`;
}
