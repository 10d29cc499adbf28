/** Header sections: line ends, hosts, targets, fields of one connection, methods, expectations, upgrades. */

import type { Family } from "./case.ts";
import {
  SMUGGLED,
  toBody,
  toChunks,
  toFields,
  toMethod,
  toRequest,
  toValid,
} from "./grammar.ts";
import type { Random } from "./random.ts";

const LAST = "0\r\n\r\n";
const WRONG_BYTES = ["\n", "\r", "\0", "\x01", "\x7f", "\r\r", "\n\n", "\x0b"];

/** Puts a text at a place in the header section, the request line included. */
function spoil(random: Random, request: string, wrong: string): string {
  const at = 1 + random.int(request.indexOf("\r\n\r\n"));
  return `${request.slice(0, at)}${wrong}${request.slice(at)}`;
}

function framed(random: Random, start: string, lines: readonly string[], body = toBody(random)): string {
  return random.oneIn(2)
    ? toRequest(random, start, [...lines, `Content-Length: ${body.length}`], body)
    : toRequest(random, start, [...lines, "Transfer-Encoding: chunked"], `${toChunks(random, body)}${LAST}`);
}

const NOMINATED =
  "Host,Content-Length,Transfer-Encoding,X-Forwarded-For,X-Forwarded-Host,Cookie,Content-Type,Trailer,TE,Keep-Alive,X-A,Expect";

const WRONG_HOSTS = [
  "Host: a.example\r\nHost: b.example",
  "Host: a.example, b.example",
  "Host: a.example\r\nhost: a.example",
  "Host:",
  "Host: a b",
  "Host: user@a.example",
  "Host: a.example/x",
  "Host: a.example:99999",
  "Host: a.example:80:80",
  "Host: http://a.example",
  "Host: [::1",
  "Host : a.example",
  "Host: a.example\0",
  "Host: a.ex\xe4mple",
  "Host: a.example?x",
  "Host: a.example#x",
  "Host: a\\b",
];

const WRONG_STARTS = [
  "GET /  HTTP/1.1",
  "GET /a b HTTP/1.1",
  "GET /a\tHTTP/1.1",
  "GET / HTTP/1.1 ",
  " GET / HTTP/1.1",
  "GET / HTTP/1.2",
  "GET / HTTP/2.0",
  "GET / HTTP/11",
  "GET / HTTP/1.10",
  "GET / HTTP/01.1",
  "GET / http/1.1",
  "GET / HTTPS/1.1",
  "GET / HTTP /1.1",
  "GET / HTTP/1 .1",
  "GET /",
  "GET * HTTP/1.1",
  "GET a.example HTTP/1.1",
  "GET ?a HTTP/1.1",
  "GET /a#b HTTP/1.1",
  "GET http:///a HTTP/1.1",
  "GET http://u@a.example/ HTTP/1.1",
  "GET ftp://a.example/ HTTP/1.1",
  "GET http:/a HTTP/1.1",
  "GET http://a.example\\@b.example/ HTTP/1.1",
  "GE(T / HTTP/1.1",
  "GET\t/ HTTP/1.1",
  "CONNECT a.example:443 HTTP/1.1",
  "get / HTTP/1.1",
  "GET /\x00 HTTP/1.1",
  "GET /\x7f HTTP/1.1",
  ": GET / HTTP/1.1",
];

/** Families of header sections. */
export const HEAD_FAMILIES: readonly Family<string>[] = [
  { name: "valid", expects: "accepted", make: toValid },
  {
    name: "valid, pipelined",
    expects: "accepted",
    make: (random) =>
      Array.from({ length: 2 + random.int(5) }, () => toValid(random)).join(
        random.pick(["", "", "\r\n"]),
      ),
  },
  {
    name: "method with content",
    expects: "accepted",
    make: (random) =>
      framed(random, `${random.pick(["GET", "HEAD", "DELETE", "OPTIONS", "TRACE"])} /`, []) +
      toValid(random),
  },
  {
    name: "trailers",
    expects: "accepted",
    make(random) {
      const trailers = ["Host: b", "X: y", "Cookie: a=b", "Content-Type: a", "X_Y: \xe4", "Age: 1"];
      const lines = Array.from({ length: 1 + random.int(3) }, () => random.pick(trailers));
      const announced = random.oneIn(2) ? ["Trailer: X, Host"] : [];
      const body = `${toChunks(random, toBody(random))}0\r\n${lines.join("\r\n")}\r\n\r\n`;
      return toRequest(random, `${toMethod(random)} /`, ["Transfer-Encoding: chunked", ...announced], body);
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
      return toRequest(random, "POST /", ["Transfer-Encoding: chunked"], `${size}\r\n${body}\r\n${last}`);
    },
  },
  {
    name: "Connection nominates what it may not",
    expects: "accepted",
    make(random) {
      const names = Array.from({ length: 1 + random.int(4) }, () => random.pick(NOMINATED.split(",")));
      return framed(random, `${toMethod(random)} /`, [
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
      const authority = random.pick(["b.example", "b.example:8080", "[::1]:80", "127.0.0.1"]);
      const path = random.pick(["", "/", "/a?b", "?q", "//x", "/http://c.example/"]);
      const scheme = random.pick(["http", "https", "HTTP"]);
      return framed(random, `${toMethod(random)} ${scheme}://${authority}${path}`, []);
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
      `${random.pick(WRONG_STARTS)}\r\nHost: a.example\r\n${toFields(random).map((line) => `${line}\r\n`).join("")}\r\n`,
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
      toRequest(random, "GET /", [`X-A: a\r\n${random.pick([" ", "\t", "  "])}${random.pick(["b", "Host: b.example", "Content-Length: 5", ""])}`]),
  },
  {
    name: "wrong field line",
    expects: "refused",
    make(random) {
      const wrong = ["X-A : a", ": a", "X-A", " X-A: a", "X A: a", "X\tA: a", "X(A): a", "X-\xe4: a", "X@: a", "X\0: a", '"X": a'];
      return toRequest(random, `${toMethod(random)} /`, [random.pick(wrong)]);
    },
  },
  {
    name: "Upgrade, then more bytes",
    expects: "refused",
    make: (random) =>
      toRequest(random, `${random.pick(["GET", "POST", "OPTIONS"])} /`, [
        `Connection: ${random.pick(["Upgrade", "upgrade, keep-alive", "X, Upgrade"])}`,
        `Upgrade: ${random.pick(["websocket", "WebSocket, h2c", "foo/1"])}`,
      ]) + random.pick([SMUGGLED, toValid(random), "\x81\x05hello"]),
  },
  {
    name: "Upgrade that is not followed",
    expects: "accepted",
    make: (random) =>
      toRequest(random, `${random.pick(["GET", "HEAD"])} /`, ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"]) +
      toValid(random),
  },
  {
    name: "Expect",
    expects: "accepted",
    make: (random) =>
      // Content that is empty may be answered without a 100, and then with the end of the connection (RFC 9110 §10.1.1).
      framed(
        random,
        `${random.pick(["POST", "PUT"])} /`,
        [`Expect: ${random.pick(["100-continue", "100-Continue"])}`],
        toBody(random) || "x",
      ) + toValid(random),
  },
  {
    name: "unknown Expect",
    expects: "refused",
    make: (random) => framed(random, "POST /", [`Expect: ${random.pick(["x", "100-continue, x", "200-ok"])}`]),
  },
  {
    name: "HTTP/1.0",
    expects: "either",
    make(random) {
      const kept = random.oneIn(2) ? ["Connection: keep-alive"] : [];
      const body = toBody(random);
      const request = random.oneIn(2)
        ? toRequest(random, `${toMethod(random)} /`, kept)
        : toRequest(random, `${toMethod(random)} /`, [...kept, `Content-Length: ${body.length}`], body);
      return request.replace(" HTTP/1.1\r\n", " HTTP/1.0\r\n") + (random.oneIn(2) ? SMUGGLED : "");
    },
  },
  {
    name: "Connection: close, then more",
    expects: "refused",
    make: (random) =>
      toRequest(random, `${toMethod(random)} /`, [`Connection: ${random.pick(["close", "Close, x", "keep-alive, close"])}`]) + SMUGGLED,
  },
  {
    name: "too much",
    expects: "refused",
    make(random) {
      const size = 17_000 + random.int(20_000);
      switch (random.int(4)) {
        case 0:
          return toRequest(random, `GET /${"a".repeat(size)}`, []);
        case 1:
          return toRequest(random, "GET /", [`X-A: ${"a".repeat(size)}`]);
        case 2:
          return toRequest(random, "GET /", Array.from({ length: 300 }, () => "X:"));
        default:
          return toRequest(random, "POST /", ["Transfer-Encoding: chunked"], `1;${"x".repeat(size)}\r\na\r\n${LAST}`);
      }
    },
  },
];
