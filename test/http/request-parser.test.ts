import assert from "node:assert/strict";
import test from "node:test";

import { ProxyError } from "../../src/http/errors.ts";
import { createRequestParser } from "../../src/http/wire/request-parser.ts";

const MAX_BYTES = 200;

/** What a parser reports for bytes that come in `pieces`, in words. Each request is read as soon as the one before it is over. */
function read(pieces: readonly string[]): string[] {
  const said: string[] = [];
  const parser = createRequestParser(MAX_BYTES, (bytes) => {
    const text = bytes.toString("latin1");
    const last = said.at(-1) ?? "";
    // The result must not depend on where the pieces were cut.
    if (last.startsWith("content ")) said[said.length - 1] = last + text;
    else said.push(`content ${text}`);
  });
  const step = (bytes: Buffer, at: number): number => {
    if (parser.isOver()) parser.begin();
    const next = parser.push(bytes, at);
    const head = parser.takeHead();
    if (head !== undefined) {
      const { method, target, httpVersion, rawFields } = head;
      const wrong = "error" in head ? ` ${head.error.status}` : "";
      said.push(`${method} ${target} ${httpVersion} ${rawFields.join("|")}${wrong}`);
      if (wrong !== "") return Infinity;
    }
    if (parser.isOver()) said.push("end");
    return next;
  };
  try {
    for (const piece of pieces) {
      const bytes = Buffer.from(piece, "latin1");
      for (let at = 0; at < bytes.length;) at = step(bytes, at);
      if (said.at(-1)?.match(/ [45]\d\d$/) !== null && said.length > 0) break;
    }
  } catch (error) {
    assert.ok(error instanceof ProxyError, String(error));
    said.push(String(error.status));
  }
  return said;
}

const HOST = "Host: a\r\n";

/** A header section of so many bytes. */
function headOf(size: number, letter: string): string {
  return `GET / HTTP/1.1\r\nX: ${valueOf(size, letter)}\r\n\r\n`;
}

function valueOf(size: number, letter: string): string {
  return letter.repeat(size - "GET / HTTP/1.1\r\nX: \r\n\r\n".length);
}

/** The bytes, and what the parser reports. */
const CASES: Readonly<Record<string, readonly [bytes: string, ...said: string[]]>> = {
  "a request without content": [`GET /x?y HTTP/1.1\r\n${HOST}\r\n`, "GET /x?y 1.1 Host|a", "end"],
  "one request behind another": [
    `HEAD / HTTP/1.1\r\n${HOST}\r\nGET / HTTP/1.0\r\n\r\n`,
    "HEAD / 1.1 Host|a",
    "end",
    "GET / 1.0 ",
    "end",
  ],
  "content of a length, and a request behind it": [
    `POST / HTTP/1.1\r\ncontent-LENGTH:  3 \r\n\r\nabcGET / HTTP/1.1\r\n\r\n`,
    "POST / 1.1 content-LENGTH|3",
    "content abc",
    "end",
    "GET / 1.1 ",
    "end",
  ],
  "a length of nothing": [
    "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
    "POST / 1.1 Content-Length|0",
    "end",
  ],
  "chunks with extensions and trailers, and a request behind them": [
    "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\na\r\n02\r\nbc\r\n0\r\nX: 1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    "PUT / 1.1 Transfer-Encoding|chunked",
    "content abc",
    "end",
    "GET / 1.1 ",
    "end",
  ],
  "empty lines before a request": ["\r\n\r\nGET / HTTP/1.1\r\n\r\n", "GET / 1.1 ", "end"],
  "bytes above 0x7f in a value": ["GET / HTTP/1.1\r\nX: \xe9\r\n\r\n", "GET / 1.1 X|\xe9", "end"],
  "bytes above 0x7f in a target": ["GET /\x80\xff HTTP/1.1\r\n\r\n", "GET /\x80\xff 1.1 ", "end"],
  "a value without anything": ["GET / HTTP/1.1\r\nX:\r\nY: \t \r\n\r\n", "GET / 1.1 X||Y|", "end"],
  "two framings": [
    "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST / 1.1 Content-Length|1|Transfer-Encoding|chunked 400",
  ],
  "an unknown coding": [
    "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "POST / 1.1 Transfer-Encoding|gzip, chunked 501",
  ],
  "chunks that are none": [
    "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
    "PUT / 1.1 Transfer-Encoding|chunked",
    "400",
  ],
  "framing in the trailers": [
    "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 1\r\n\r\n",
    "PUT / 1.1 Transfer-Encoding|chunked",
    "400",
  ],
  "a bare LF behind the last chunk": [
    "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\n",
    "PUT / 1.1 Transfer-Encoding|chunked",
    "400",
  ],
  "an extension that is none": [
    "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;x@=y\r\na\r\n0\r\n\r\n",
    "PUT / 1.1 Transfer-Encoding|chunked",
    "400",
  ],
  "extensions of every kind": [
    'PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;x; y=1;z = "a;\\\"b"\r\na\r\n0;x\r\n\r\n',
    "PUT / 1.1 Transfer-Encoding|chunked",
    "content a",
    "end",
  ],
  "a method that never ends": ["G".repeat(MAX_BYTES + 1), "501"],
  "a method that is too long": [`${"G".repeat(65)} / HTTP/1.1\r\n\r\n`, "501"],
  "a method that is too long and breaks off": [`${"G".repeat(65)}\0`, "501"],
  "the longest method": [`${"g".repeat(64)} / HTTP/1.1\r\n\r\n`, `${"g".repeat(64)} / 1.1 `, "end"],
  "a method of every kind of character": [
    "!#$%&'*+-.^_`|~0aZ / HTTP/1.1\r\n\r\n",
    "!#$%&'*+-.^_`|~0aZ / 1.1 ",
    "end",
  ],
  "another version": ["GET / HTTP/1.2\r\n\r\n", "505"],
  "a header section that is too large": [`GET / HTTP/1.1\r\nX: ${"x".repeat(MAX_BYTES)}`, "431"],
  "one that is too large and whole, with a request behind it": [
    `${headOf(MAX_BYTES + 1, "a")}${headOf(30, "b")}`,
    "431",
  ],
  "one that is as large as may be, behind an empty line": [
    `\r\n${headOf(MAX_BYTES, "a")}${headOf(30, "b")}`,
    `GET / 1.1 X|${valueOf(MAX_BYTES, "a")}`,
    "end",
    `GET / 1.1 X|${valueOf(30, "b")}`,
    "end",
  ],
  "one that is too large, behind an empty line": [`\r\n${headOf(MAX_BYTES + 1, "a")}`, "431"],
  "more empty lines than a header section may have bytes": [
    `${"\r\n".repeat(MAX_BYTES)}${headOf(MAX_BYTES, "a")}${headOf(30, "b")}`,
    `GET / 1.1 X|${valueOf(MAX_BYTES, "a")}`,
    "end",
    `GET / 1.1 X|${valueOf(30, "b")}`,
    "end",
  ],
};

const NOT_HTTP: readonly string[] = [
  "GET / HTTP/1.1\n\n",
  "GET / HTTP/1.1\r\nX: a\n\n",
  "GET  / HTTP/1.1\r\n\r\n",
  "GET /  HTTP/1.1\r\n\r\n",
  "GET / http/1.1\r\n\r\n",
  "GET / HTTP/1.1 \r\n\r\n",
  "GET /\0 HTTP/1.1\r\n\r\n",
  "GET /\r\n\r\n",
  "PRI / HTTP/1.1\r\n\r\n",
  "G(T / HTTP/1.1\r\n\r\n",
  " GET / HTTP/1.1\r\n\r\n",
  "\nGET / HTTP/1.1\r\n\r\n",
  "GET / HTTP/1.1\r\n X: y\r\n\r\n",
  "GET / HTTP/1.1\r\nX : y\r\n\r\n",
  "GET / HTTP/1.1\r\nX: y\r\n z\r\n\r\n",
  "GET / HTTP/1.1\r\n: y\r\n\r\n",
  "GET / HTTP/1.1\r\nX\r\n\r\n",
  "GET / HTTP/1.1\r\nX: a\rb\r\n\r\n",
  "GET / HTTP/1.1\r\nX: \0\r\n\r\n",
  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
];

const ALL = [
  ...Object.entries(CASES),
  ...NOT_HTTP.map((bytes) => [JSON.stringify(bytes), [bytes, "400"]] as const),
];
for (const [what, [bytes, ...said]] of ALL) {
  test(`${what}: the same result at once, in two pieces cut anywhere, and byte by byte`, () => {
    assert.deepEqual(read([bytes]), said);
    for (let at = 1; at < bytes.length; at += 1)
      assert.deepEqual(read([bytes.slice(0, at), bytes.slice(at)]), said, `cut at ${at}`);
    assert.deepEqual(read([...bytes]), said);
  });
}

test("an invalid request is refused at its first wrong line, even if its end never comes", () => {
  for (const bytes of ["\x16\x03\x01", "GET / HTTP/1.1\r\nX : y\r\n", "GET / HTTP/1.1\n"])
    assert.deepEqual(read([bytes]), ["400"]);
  assert.deepEqual(read(["GET / HTTP/1.1\r\nX: y\r\nZ"]), []);
});
