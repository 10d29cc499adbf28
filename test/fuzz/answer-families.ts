/** Answers of an upstream: good ones, ambiguous ones, broken ones, and bytes that nobody asked for. */

import type { AnswerCase, Expectation, Family } from "./case.ts";
import { toChunks } from "./grammar.ts";
import type { Random } from "./random.ts";

/** What an upstream sends, and what it does then. */
export interface Script {
  readonly bytes: string;
  readonly then: AnswerCase["then"];
}

/** Stands for the number of the case, so that an answer that meets another request is known. */
export const MARK = "@@@@@@@@";

/** A whole answer that nobody asked for. */
const POISON = `HTTP/1.1 200 OK\r\nX-Poison: ${MARK}\r\nContent-Length: 14\r\n\r\npoison${MARK}`;

const STATUSES = ["200 OK", "404 Not Found", "500 ", "206 Partial Content", "201 Cr\xe9\xe9", "299 x"];
const FIELDS = ["X-A: b", "Set-Cookie: a=b", "Set-Cookie: c=d", "Date: x", "X-B:", "Age: 1", "X-C: \xe4\xff", "Server: a\tb"];

function toHead(random: Random, lines: readonly string[], status = random.pick(STATUSES)): string {
  const others = Array.from({ length: random.int(4) }, () => random.pick(FIELDS));
  const at = random.int(others.length + 1);
  const fields = [`X-Case: ${MARK}`, ...others.slice(0, at), ...lines, ...others.slice(at)];
  return `HTTP/1.1 ${status}\r\n${fields.join("\r\n")}\r\n\r\n`;
}

function toBody(random: Random): string {
  return `${MARK}${random.pick(["", "\r\n\r\n", "0\r\n\r\n", POISON, "x".repeat(random.int(3000))])}`;
}

function withLength(random: Random): string {
  const body = toBody(random);
  return `${toHead(random, [`Content-Length: ${body.length}`])}${body}`;
}

function withChunks(random: Random, trailers = ""): string {
  return `${toHead(random, ["Transfer-Encoding: chunked"])}${toChunks(random, toBody(random))}0\r\n${trailers}\r\n`;
}

function whole(random: Random): string {
  return random.oneIn(2) ? withLength(random) : withChunks(random);
}

/** Two framings, or one that two readers take differently; the content fits one of them. */
function ambiguous(random: Random): string {
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

function brokenChunks(random: Random): string {
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

function brokenHead(random: Random): string {
  const answer = withLength(random);
  const wrong = [
    answer.replace("HTTP/1.1 ", "HTTP/1.1  "),
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

function interim(random: Random): string {
  const status = random.pick(["100 Continue", "102 Processing", "103 Early Hints", "199 x"]);
  return `HTTP/1.1 ${status}\r\n${random.oneIn(2) ? "Link: </a>\r\n" : ""}\r\n`;
}

type Make = (random: Random) => string | Script;

function family(name: string, expects: Expectation, make: Make): Family<Script> {
  return {
    name,
    expects,
    make(random) {
      const made = make(random);
      return typeof made === "string" ? { bytes: made, then: "keep" } : made;
    },
  };
}

/** Families of answers. What `accepts` says is of GET and HEAD alike, so that a broken content is `either`: a HEAD never sees it. */
export const ANSWER_FAMILIES: readonly Family<Script>[] = [
  family("answer: a length", "accepted", withLength),
  family("answer: chunks", "accepted", (random) => withChunks(random)),
  family("answer: trailers", "accepted", (random) =>
    withChunks(random, random.pick(["X: y\r\n", "X: y\r\nHost: a\r\nSet-Cookie: x=y\r\n"])),
  ),
  family("answer: up to the end of the connection", "accepted", (random) => ({
    bytes: `${toHead(random, [])}${toBody(random)}`,
    then: "end",
  })),
  family("answer: HTTP/1.0", "accepted", (random) => ({
    bytes: random.pick([withLength(random), `${toHead(random, [])}${toBody(random)}`]).replace("1.1", "1.0"),
    then: "end",
  })),
  family("answer: after interim ones", "accepted", (random) =>
    Array.from({ length: 1 + random.int(6) }, () => interim(random)).join("") + whole(random),
  ),
  family("answer: no content", "accepted", (random) =>
    toHead(random, random.pick([[], ["Content-Length: 10"], ["ETag: x"]]), random.pick(["204 No Content", "304 Not Modified"])),
  ),
  family("answer: no reason", "either", (random) => whole(random).replace(/^(HTTP\/1\.1 \d+) [^\r]*/, "$1")),
  family("answer: a flood of interim ones", "refused", (random) =>
    interim(random).repeat(101 + random.int(400)) + whole(random),
  ),
  family("answer: 101 that nobody asked for", "refused", (random) =>
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n${random.pick(["", POISON])}`,
  ),
  family("answer: more bytes than announced", "either", (random) =>
    whole(random) + random.pick([POISON, "x", "\r\n", "\r\n\r\n", "\0", POISON.repeat(3), "0\r\n\r\n"]),
  ),
  family("answer: 204 and 304 with content", "either", (random) =>
    `${toHead(random, random.pick([["Content-Length: 14"], ["Transfer-Encoding: chunked"], []]), random.pick(["204 x", "304 x"]))}${random.pick([POISON, "0\r\n\r\n", `poison${MARK}`])}`,
  ),
  family("answer: two framings", "either", ambiguous),
  family("answer: broken chunks", "either", brokenChunks),
  family("answer: broken head", "either", brokenHead),
  family("answer: cut short", "either", (random) => {
    const answer = whole(random);
    return { bytes: answer.slice(0, random.int(answer.length)), then: random.pick(["end", "reset"]) };
  }),
  family("answer: a head without end", "refused", (random) => ({
    bytes: `HTTP/1.1 200 OK\r\nX-A: ${"x".repeat(20_000 + random.int(80_000))}`,
    then: "keep",
  })),
];
