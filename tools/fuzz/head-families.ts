/** Families of header sections: line ends, hosts, targets, connection fields, methods, expectations, upgrades. */

import type { Family } from "./case.ts";
import { toBody, toChunks, toFields, toFramed, toMethod, toRequest, toValid } from "./grammar.ts";
import type { Random } from "../shared/random.ts";
import { WRONG_FIELDS, WRONG_HOSTS, WRONG_STARTS } from "./wrong-lines.ts";

const LAST = "0\r\n\r\n";
const WRONG_BYTES = ["\n", "\r", "\0", "\x01", "\x7f", "\r\r", "\n\n", "\x0b"];

/** Inserts a text at a position of the header section or the request line. */
function spoil(random: Random, request: string, wrong: string): string {
  const at = 1 + random.below(request.indexOf("\r\n\r\n"));
  return `${request.slice(0, at)}${wrong}${request.slice(at)}`;
}

const NOMINATED =
  "Host,Content-Length,Transfer-Encoding,X-Forwarded-For,X-Forwarded-Host,Cookie,Content-Type,Trailer,TE,Keep-Alive,X-A,Expect";

/** Families of header sections. */
export const HEAD_FAMILIES: readonly Family<string>[] = [
  { name: "valid", expects: "accepted", make: toValid },
  {
    name: "valid, pipelined",
    expects: "accepted",
    make: (random) =>
      Array.from({ length: 2 + random.below(5) }, () => toValid(random)).join(
        random.pick(["", "", "\r\n"]),
      ),
  },
  {
    name: "method with content",
    expects: "accepted",
    make: (random) =>
      toFramed(random, `${random.pick(["GET", "HEAD", "DELETE", "OPTIONS", "TRACE"])} /`, []) +
      toValid(random),
  },
  {
    name: "trailers",
    expects: "accepted",
    make(random) {
      const trailers = ["Host: b", "X: y", "Cookie: a=b", "Content-Type: a", "X_Y: \xe4", "Age: 1"];
      const lines = Array.from({ length: 1 + random.below(3) }, () => random.pick(trailers));
      const announced = random.oneIn(2) ? ["Trailer: X, Host"] : [];
      const body = `${toChunks(random, toBody(random))}0\r\n${lines.join("\r\n")}\r\n\r\n`;
      return toRequest(
        random,
        `${toMethod(random)} /`,
        ["Transfer-Encoding: chunked", ...announced],
        body,
      );
    },
  },
  {
    name: "chunk extensions",
    expects: "accepted",
    make(random) {
      const extensions = [";a", ";a=b", ';a="b;c"', ";a=b;c=d", `;${"x".repeat(200)}`, ';a="\\""'];
      const body = toBody(random) || "x";
      const size = `${body.length.toString(16)}${random.pick(extensions)}`;
      const last = `0${random.oneIn(2) ? random.pick(extensions) : ""}\r\n\r\n`;
      return toRequest(
        random,
        "POST /",
        ["Transfer-Encoding: chunked"],
        `${size}\r\n${body}\r\n${last}`,
      );
    },
  },
  {
    name: "Connection nominates what it may not",
    expects: "accepted",
    make(random) {
      const names = Array.from({ length: 1 + random.below(4) }, () =>
        random.pick(NOMINATED.split(",")),
      );
      return toFramed(random, `${toMethod(random)} /`, [
        `Connection: ${names.join(random.pick([",", ", ", " ,\t"]))}`,
        "X-Forwarded-For: 1.2.3.4",
        "Cookie: a=b",
      ]);
    },
  },
  {
    name: "absolute-form",
    expects: "accepted",
    make(random) {
      const authority = random.pick([
        "b.example",
        "b.example:8080",
        "[::1]:80",
        "[v1.a:b]",
        "127.0.0.1",
      ]);
      const path = random.pick(["", "/", "/a?b", "?q", "//x", "/http://c.example/"]);
      const scheme = random.pick(["http", "https", "HTTP"]);
      return toFramed(random, `${toMethod(random)} ${scheme}://${authority}${path}`, []);
    },
  },
  {
    name: "Host confusion",
    expects: "refused",
    make: (random) =>
      toRequest(random, `${toMethod(random)} ${random.oneIn(3) ? "http://c.example/" : "/"}`, [
        random.pick(WRONG_HOSTS),
      ]),
  },
  {
    name: "wrong request line",
    expects: "refused",
    make: (random) =>
      `${random.pick(WRONG_STARTS)}\r\nHost: a.example\r\n${toFields(random)
        .map((line) => `${line}\r\n`)
        .join("")}\r\n`,
  },
  {
    name: "bare CR, LF, NUL in the head",
    expects: "refused",
    make: (random) => spoil(random, toValid(random), random.pick(WRONG_BYTES)),
  },
  {
    name: "bare LF everywhere",
    expects: "refused",
    make: (random) => toValid(random).replaceAll("\r\n", "\n"),
  },
  {
    name: "obs-fold",
    expects: "refused",
    make: (random) =>
      toRequest(random, "GET /", [
        `X-A: a\r\n${random.pick([" ", "\t", "  "])}${random.pick(["b", "Host: b.example", "Content-Length: 5", ""])}`,
      ]),
  },
  {
    name: "wrong field line",
    expects: "refused",
    make(random) {
      return toRequest(random, `${toMethod(random)} /`, [random.pick(WRONG_FIELDS)]);
    },
  },
  {
    name: "too much",
    expects: "refused",
    make(random) {
      const size = 34_000 + random.below(20_000);
      switch (random.below(4)) {
        case 0:
          return toRequest(random, `GET /${"a".repeat(size)}`, []);
        case 1:
          return toRequest(random, "GET /", [`X-A: ${"a".repeat(size)}`]);
        case 2:
          return toRequest(
            random,
            "GET /",
            Array.from({ length: 300 }, () => "X:"),
          );
        default:
          return toRequest(
            random,
            "POST /",
            ["Transfer-Encoding: chunked"],
            `1;${"x".repeat(size)}\r\na\r\n${LAST}`,
          );
      }
    },
  },
];
