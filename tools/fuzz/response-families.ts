/** Responses of an upstream: valid, ambiguous and broken ones, and unsolicited bytes. */

import type { ResponseCase, Expectation, Family } from "./case.ts";
import { toChunks } from "./grammar.ts";
import { MARK, POISON, toBody, toHead, withLength } from "./response-grammar.ts";
import { ambiguous, brokenChunks, brokenHead } from "./broken-responses.ts";
import { withLiberties } from "./free-responses.ts";
import type { Random } from "../shared/random.ts";

/** The bytes that an upstream sends, and how it continues. */
export interface Script {
  readonly bytes: string;
  readonly after: ResponseCase["after"];
}

function withChunks(random: Random, trailers = ""): string {
  return `${toHead(random, ["Transfer-Encoding: chunked"])}${toChunks(random, toBody(random))}0\r\n${trailers}\r\n`;
}

function whole(random: Random): string {
  return random.oneIn(2) ? withLength(random) : withChunks(random);
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
      return typeof made === "string" ? { bytes: made, after: "keep" } : made;
    },
  };
}

/** Families of responses. `accepts` holds for GET and HEAD, so broken content is `either`: the response to a HEAD does not include it. */
export const RESPONSE_FAMILIES: readonly Family<Script>[] = [
  family("answer: a length", "accepted", withLength),
  family("answer: chunks", "accepted", (random) => withChunks(random)),
  family("answer: trailers", "accepted", (random) =>
    withChunks(random, random.pick(["X: y\r\n", "X: y\r\nHost: a\r\nSet-Cookie: x=y\r\n"])),
  ),
  family("answer: up to the end of the connection", "accepted", (random) => ({
    bytes: `${toHead(random, [])}${toBody(random)}`,
    after: "end",
  })),
  family("answer: HTTP/1.0", "accepted", (random) => ({
    bytes: random
      .pick([withLength(random), `${toHead(random, [])}${toBody(random)}`])
      .replace("1.1", "1.0"),
    after: "end",
  })),
  family(
    "answer: after interim ones",
    "accepted",
    (random) =>
      Array.from({ length: 1 + random.below(6) }, () => interim(random)).join("") + whole(random),
  ),
  family("answer: no content", "accepted", (random) =>
    toHead(
      random,
      random.pick([[], ["Content-Length: 10"], ["ETag: x"]]),
      random.pick(["204 No Content", "304 Not Modified"]),
    ),
  ),
  family("answer: no reason", "either", (random) =>
    whole(random).replace(/^(HTTP\/1\.1 \d+) [^\r]*/, "$1"),
  ),
  family(
    "answer: a flood of interim ones",
    "refused",
    (random) => interim(random).repeat(101 + random.below(400)) + whole(random),
  ),
  family(
    "answer: 101 that nobody asked for",
    "refused",
    (random) =>
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n${random.pick(["", POISON])}`,
  ),
  family(
    "answer: more bytes than announced",
    "either",
    (random) =>
      whole(random) +
      random.pick([POISON, "x", "\r\n", "\r\n\r\n", "\0", POISON.repeat(3), "0\r\n\r\n"]),
  ),
  family(
    "answer: 204 and 304 with content",
    "either",
    (random) =>
      `${toHead(random, random.pick([["Content-Length: 14"], ["Transfer-Encoding: chunked"], []]), random.pick(["204 x", "304 x"]))}${random.pick([POISON, "0\r\n\r\n", `poison${MARK}`])}`,
  ),
  family("answer: liberties", "either", withLiberties),
  family("answer: two framings", "either", ambiguous),
  family("answer: broken chunks", "either", brokenChunks),
  family("answer: broken head", "either", brokenHead),
  family("answer: cut short", "either", (random) => {
    const answer = whole(random);
    return {
      bytes: answer.slice(0, random.below(answer.length)),
      after: random.pick(["end", "reset"]),
    };
  }),
  family("answer: a head without end", "refused", (random) => ({
    bytes: `HTTP/1.1 200 OK\r\nX-A: ${"x".repeat(66_000 + random.below(80_000))}`,
    after: "keep",
  })),
];
