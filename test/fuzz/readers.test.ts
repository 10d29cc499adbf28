import assert from "node:assert/strict";
import test from "node:test";
import { type Preference, readLeniently } from "../../tools/fuzz/lenient.ts";
import { readMeaning, readRequest } from "../../tools/fuzz/requests.ts";

const CHUNKED_FIRST: Preference = "chunked, first length";
const LENGTH_FIRST: Preference = "length, last length";

/** Header sections that the strict reader refuses, and how the lenient one frames the content in its two modes. */
const SLOPPY: readonly (readonly [lines: string, chunkedFirst: unknown, lengthFirst: unknown])[] = [
  ["Content-Length: 5\r\nTransfer-Encoding: chunked", "chunked", 5],
  ["Content-Length: 5\r\nContent-Length: 0", 5, 0],
  ["Content-Length: 5, 0", 5, 0],
  ["Content-Length : 5", 5, 5],
  ["Content-Length: +5", 5, 5],
  ["Content-Length: 0x5", 5, 5],
  ["Transfer-Encoding: xchunked", "chunked", "chunked"],
  ["Transfer-Encoding\t: chunked", "chunked", "chunked"],
  ["Transfer-Encoding:\r\n chunked", "chunked", "chunked"],
  ["X: y\nTransfer-Encoding: chunked", "chunked", "chunked"],
  ["X: y\rContent-Length: 5", 5, 5],
  ["Transfer-Encoding: \x0bchunked", "chunked", "chunked"],
  ["\x01Content-Length: 5", 5, 5],
];
for (const [lines, chunkedFirst, lengthFirst] of SLOPPY) {
  test(`the strict reader refuses ${JSON.stringify(lines)}, the lenient one frames by it`, () => {
    const text = `POST / HTTP/1.1\r\nHost: a\r\n${lines}\r\n\r\n0\r\n\r\n`;
    assert.equal(readRequest(text, 0), "invalid");
    assert.equal(readLeniently(text, 0, CHUNKED_FIRST)?.framing, chunkedFirst);
    assert.equal(readLeniently(text, 0, LENGTH_FIRST)?.framing, lengthFirst);
  });
}

test("both readers agree about a sound request", () => {
  const text =
    "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\nrest";
  const strict = readRequest(text, 0);
  assert.ok(typeof strict !== "string");
  for (const preference of [CHUNKED_FIRST, LENGTH_FIRST]) {
    const lenient = readLeniently(text, 0, preference);
    assert.deepEqual([lenient?.body, lenient?.end], [strict.body, strict.end]);
  }
  assert.equal(text.slice(strict.end), "rest");
});

test("a client's bytes are split into complete requests and the rest behind them", () => {
  const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const last = get.replace("Host", "Connection: close\r\nHost");
  const cases = [
    [get + get, 2, "complete"],
    [get + last + get, 2, "closed"],
    [`${get}GET / HT`, 1, "incomplete"],
    [`${get}GET / HTTP/1.1\r\n\r\n`, 1, "invalid"],
  ] as const;
  for (const [text, count, ending] of cases) {
    const meaning = readMeaning(text);
    assert.deepEqual([meaning.requests.length, meaning.rest], [count, ending]);
  }
});
