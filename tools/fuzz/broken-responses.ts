/** Invalid responses: no reader may accept them. */

import { MARK, toBody, toHead, withLength } from "./response-grammar.ts";
import { toChunks } from "./grammar.ts";
import type { Random } from "../shared/random.ts";

/** Two framings, or one framing that two readers interpret differently; the content fits one of the interpretations. */
export function ambiguous(random: Random): string {
  const body = `${MARK}0\r\n\r\n`;
  const n = body.length;
  const framings = [
    `Content-Length: ${n}\r\nTransfer-Encoding: chunked`,
    `Transfer-Encoding: chunked\r\nContent-Length: ${n}`,
    `Content-Length: ${n}\r\nContent-Length: 0`,
    `Content-Length: 0\r\nContent-Length: ${n}`,
    `Content-Length: ${n}\r\nContent-Length: ${n}`,
    `Content-Length: ${n}, ${n}`,
    `Content-Length: ${n}, 0`,
    `Content-Length: +${n}`,
    `Content-Length: 0x${n.toString(16)}`,
    `Content-Length: -1`,
    `Content-Length:`,
    `Content-Length: ${n} 0`,
    `Content-Length : ${n}`,
    `Content-Length: 99999999999999999999`,
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: chunked, gzip",
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: identity",
    "Transfer-Encoding:",
    "Transfer-Encoding : chunked",
    "Transfer-Encoding: \x0bchunked",
    `X: y\nContent-Length: ${n}`,
    `X: y\rContent-Length: ${n}`,
  ];
  const content = random.oneIn(2) ? body : `${toChunks(random, body)}0\r\n\r\n`;
  return `${toHead(random, [random.pick(framings)])}${content}`;
}

/** Malformed chunks. */
export function brokenChunks(random: Random): string {
  const body = toBody(random);
  const size = body.length.toString(16);
  const wrong = [
    `0x${size}\r\n${body}\r\n0\r\n\r\n`,
    `+${size}\r\n${body}\r\n0\r\n\r\n`,
    `${size} \r\n${body}\r\n0\r\n\r\n`,
    `${size}\n${body}\r\n0\r\n\r\n`,
    `${size}\r\n${body}0\r\n\r\n`,
    `${size}\r\n${body}x\r\n0\r\n\r\n`,
    `${size}\r\n${body}\n0\r\n\r\n`,
    `${size}\r\n${body}\r\n0\n\n`,
    `${size}\r\n${body}\r\n0\r\n\n`,
    `${size}\r\n${body}\r\n\r\n0\r\n\r\n`,
    `${size}\r\n${body}\r\n0\r\nX : y\r\n\r\n`,
    `${size}\r\n${body}\r\n0\r\n X: y\r\n\r\n`,
    `${size}\r\n${body}\r\n0\r\nX: y\0\r\n\r\n`,
    `ffffffffffffffff1\r\n${body}\r\n0\r\n\r\n`,
    `zz\r\n${body}\r\n0\r\n\r\n`,
    `\r\n${body}\r\n0\r\n\r\n`,
    `${size};a\n\r\n${body}\r\n0\r\n\r\n`,
  ];
  return `${toHead(random, ["Transfer-Encoding: chunked"])}${random.pick(wrong)}`;
}

/** A malformed header section. */
export function brokenHead(random: Random): string {
  const answer = withLength(random);
  const wrong = [
    answer.replace("HTTP/1.1 ", "HTTP/1.1  "),
    answer.replace("HTTP/1.1", "HTTP/2.0"),
    answer.replace("HTTP/1.1", "HTTP/1.2"),
    answer.replace("HTTP/1.1", "http/1.1"),
    answer.replace("HTTP/1.1", "ICY"),
    answer.replace(/^HTTP\/1\.1 \d+/, "HTTP/1.1 20"),
    answer.replace(/^HTTP\/1\.1 \d+/, "HTTP/1.1 2000"),
    answer.replace(/^HTTP\/1\.1 \d+/, "HTTP/1.1 099"),
    answer.replace(/^HTTP\/1\.1 \d+/, "HTTP/1.1 000"),
    answer.replace(/^HTTP\/1\.1 \d+/, "HTTP/1.1 abc"),
    answer.replace("X-Case: ", "X-Case : "),
    answer.replace("X-Case: ", "X-Case\0: "),
    answer.replace("X-Case: ", "X-Case: \0"),
    answer.replace("X-Case: ", "X-Case: a\r\n b"),
    answer.replace("X-Case: ", "X-Case: \x01"),
    answer.replace("X-Case: ", "X-Case: \r"),
    answer.replace("X-Case: ", "X Case: "),
    answer.replace("X-Case: ", ": "),
    answer.replace("X-Case: ", "X-Case "),
    answer.replace("X-Case: ", " X-Case: "),
    answer.replace("\r\n", "\n"),
    answer.replace("\r\n\r\n", "\n\n"),
    answer.replace("\r\n\r\n", "\r\n\n"),
    `\n${answer}`,
    `x${answer}`,
    `\0${answer}`,
  ];
  return random.pick(wrong);
}
