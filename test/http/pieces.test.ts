// Symptom: a header section of 16 KiB in lines of four bytes, each in a segment of its own, took 540 ms of CPU.
// Root cause: with each piece the parser joined, searched and checked all bytes from the beginning. A peer chooses the pieces.
// Fix: every parser stores bytes in one growing buffer and checks each line once; the content of small chunks is joined.

import assert from "node:assert/strict";
import test from "node:test";

import {
  type ResponseParserEvents,
  type SentRequest,
  createResponseParser,
} from "../../src/http/wire/response-parser.ts";
import { createRequestParser } from "../../src/http/wire/request-parser.ts";
import { assertLinear, assertRatio } from "../support/work.ts";

const NO_LIMIT = 1024 * 1024;
/** A little less than the limits for a response's header section, a line with a chunk's size, and trailers. */
const RESPONSE_HEAD_BYTES = 64_000;
const SIZE_LINE_BYTES = 4_000;
const TRAILER_BYTES = 16_000;
/** The name of a configuration. */
const MAX_HEAD_BYTES = 64 * 1024;
/** What a connection to an upstream reads into. */
const MEMORY_BYTES = 64 * 1024;

const REQUEST_LINE = "GET / HTTP/1.1\r\n";
const STATUS_LINE = "HTTP/1.1 200 OK\r\n";
const CHUNKED = "Transfer-Encoding: chunked\r\n\r\n";
const RESPONSE_HEAD = `${STATUS_LINE}${CHUNKED}`;
const REQUEST_HEAD = `POST / HTTP/1.1\r\n${CHUNKED}`;

const GET: SentRequest = { method: "GET", upgrade: undefined, isStrict: false };
const ignore = (): void => undefined;
const EVENTS: ResponseParserEvents = {
  onInterim: ignore,
  onHead: ignore,
  onContent: ignore,
  onEnd: ignore,
  onSwitch: ignore,
};

/** Has a server read these pieces, so many times. */
function readRequests(pieces: readonly Buffer[], rounds: number): void {
  const parser = createRequestParser(NO_LIMIT, ignore);
  for (let round = 0; round < rounds; round += 1) {
    parser.begin();
    for (const piece of pieces) parser.push(piece, 0);
  }
}

/**
 * Has a connection to an upstream read these pieces so many times, each into the same memory as on a connection. After the first piece the
 * memory is empty: it holds nothing at which a search could stop.
 */
function readResponses(
  pieces: readonly Buffer[],
  rounds: number,
  memoryBytes = MEMORY_BYTES,
): void {
  const parser = createResponseParser(EVENTS, MAX_HEAD_BYTES);
  const memory = Buffer.alloc(memoryBytes);
  for (let round = 0; round < rounds; round += 1) {
    parser.begin(GET);
    for (const piece of pieces) {
      memory.set(piece);
      parser.push(memory, piece.length);
      if (piece === pieces[0]) memory.fill(0);
    }
  }
}

/** A beginning in one piece, then the same piece until that many bytes have come. */
function repeat(beginning: string, piece: string, bytes: number): Buffer[] {
  const one = Buffer.from(piece, "latin1");
  const pieces = Array.from({ length: Math.floor(bytes / one.length) }, () => one);
  return [Buffer.from(beginning, "latin1"), ...pieces];
}

/** A request's header section: its beginning and the piece that repeats. */
const REQUESTS: Readonly<Record<string, readonly [beginning: string, piece: string]>> = {
  "lines of four bytes": [REQUEST_LINE, "a:\r\n"],
  "lines that are cut": [`${REQUEST_LINE}a`, ":\r\na"],
  "a field, byte by byte": [`${REQUEST_LINE}a: `, "b"],
  "a target, byte by byte": ["GET /", "b"],
};
for (const [what, [beginning, piece]] of Object.entries(REQUESTS)) {
  test(`a request that comes as ${what} costs CPU in proportion to its bytes`, async () => {
    await assertLinear(4 * 1024, (bytes) => readRequests(repeat(beginning, piece, bytes), 5));
  });
}

test("empty lines before a request cost CPU in proportion to their bytes, byte by byte and all at once", async () => {
  const [cr, lf] = [Buffer.from("\r"), Buffer.from("\n")];
  await assertLinear(8 * 1024, (bytes) =>
    readRequests(
      Array.from({ length: bytes }, (_, index) => (index % 2 === 0 ? cr : lf)),
      10,
    ),
  );
  await assertLinear(256 * 1024, (bytes) => {
    const parser = createRequestParser(64, ignore);
    const all = Buffer.from("\r\n".repeat(bytes / 2));
    for (let round = 0; round < 4; round += 1)
      for (let at = 0; at < all.length;) at = parser.push(all, at);
  });
});

test("many requests that come at once cost CPU in proportion to their bytes", async () => {
  const request = `${REQUEST_LINE}\r\n`;
  await assertLinear(32 * 1024, (bytes) => {
    const parser = createRequestParser(NO_LIMIT, ignore);
    const all = Buffer.from(request.repeat(bytes / request.length), "latin1");
    for (let round = 0; round < 10; round += 1)
      for (let at = 0; at < all.length; at = parser.push(all, at)) parser.begin();
  });
});

const ALL_ROUNDS_BYTES = 160_000;

/** A response: its beginning, the piece that repeats, and the maximum of its bytes. */
const RESPONSES: Readonly<
  Record<string, readonly [beginning: string, piece: string, most: number]>
> = {
  "lines of four bytes": [STATUS_LINE, "a:\r\n", RESPONSE_HEAD_BYTES],
  "a field, byte by byte": [`${STATUS_LINE}a: `, "b", RESPONSE_HEAD_BYTES],
  "a reason, byte by byte": ["HTTP/1.1 200 ", "b", RESPONSE_HEAD_BYTES],
  "lines with bare LFs": ["HTTP/1.1 200 OK\n", "a:\n", RESPONSE_HEAD_BYTES],
  "empty lines before it": ["\r\n", "\r\n", RESPONSE_HEAD_BYTES],
  "blanks before a colon": [`${STATUS_LINE}a`, " ", RESPONSE_HEAD_BYTES],
  "blanks in a value with a control character": [`${STATUS_LINE}a: \x01`, " ", RESPONSE_HEAD_BYTES],
  "a padded size": [`${RESPONSE_HEAD}1`, " ", SIZE_LINE_BYTES],
  "a chunk's extension, byte by byte": [`${RESPONSE_HEAD}1;a="`, "b", SIZE_LINE_BYTES],
  "trailers of four bytes": [`${RESPONSE_HEAD}0\r\n`, "a:\r\n", TRAILER_BYTES],
  "a trailer, byte by byte": [`${RESPONSE_HEAD}0\r\na: `, "b", TRAILER_BYTES],
};
for (const [what, [beginning, piece, max]] of Object.entries(RESPONSES)) {
  test(`a response that comes as ${what} costs CPU in proportion to its bytes`, async () => {
    const rounds = Math.ceil(ALL_ROUNDS_BYTES / max);
    await assertLinear(max / 4, (bytes) => readResponses(repeat(beginning, piece, bytes), rounds));
  });
}

/** Complete header sections with a liberty. N stands for what makes them long. */
const WHOLE: Readonly<Record<string, readonly [head: string, repeated: string]>> = {
  "bare LFs": ["HTTP/1.1 200 OK\nNContent-Length: 0\n\n", "a: b\n"],
  "blanks in values": [`${STATUS_LINE}A: \x01Nb\r\nContent-Length: 0\r\n\r\n`, " \t"],
  "blanks before colons": [`${STATUS_LINE}NContent-Length: 0\r\n\r\n`, "a   :\r\n"],
  "a list of lengths": [`${STATUS_LINE}Content-Length: N0\r\n\r\n`, "0 ,"],
  "blanks in a list of lengths": [`${STATUS_LINE}Content-Length: 0,N0\r\n\r\n`, " "],
  "a second liberty at the end": [`${STATUS_LINE}NA : b\r\nContent-Length: 0\r\n\r\n`, "a: b\r\n"],
};
for (const [what, [head, repeated]] of Object.entries(WHOLE)) {
  test(`a response with ${what} that comes complete costs CPU in proportion to its bytes`, async () => {
    // Below 32 KiB: longer lists of fields live in another part of V8's heap, and the costs jump there.
    await assertLinear(7_500, (bytes) => {
      const long = repeated.repeat(Math.floor(bytes / repeated.length));
      readResponses(
        [
          Buffer.from(
            head.replace("N", () => long),
            "latin1",
          ),
        ],
        40,
      );
    });
  });
}

test("bytes that an earlier read left behind in the memory are not searched", async () => {
  const pieces = repeat(`${RESPONSE_HEAD}1;a="`, "b", SIZE_LINE_BYTES);
  await assertRatio(4, [() => readResponses(pieces, 40, 256), () => readResponses(pieces, 40)]);
});

const LETTERS = "abcdefghijklmnopqrstuvwxyz".repeat(400);
const SINGLE = [...LETTERS].map((letter) => `1\r\n${letter}\r\n`).join("");

test("the content of small chunks is passed on together, for a request and a response", () => {
  const seen: string[] = [];
  const parser = createRequestParser(NO_LIMIT, (bytes) => seen.push(bytes.toString("latin1")));
  const request = Buffer.from(`${REQUEST_HEAD}${SINGLE}0\r\n\r\n`);
  assert.equal(parser.push(request, parser.push(request, 0)), request.length);
  assert.ok(parser.isOver());
  assert.deepEqual(seen, [LETTERS]);

  const read: string[] = [];
  const onContent: ResponseParserEvents["onContent"] = (bytes, start, end) =>
    read.push(bytes.toString("latin1", start, end));
  const answers = createResponseParser({ ...EVENTS, onContent }, MAX_HEAD_BYTES);
  const response = Buffer.from(`${RESPONSE_HEAD}${SINGLE}0\r\n\r\n`);
  answers.begin(GET);
  answers.push(response, response.length);
  assert.deepEqual(read, [LETTERS]);
});

test("the content of a long chunk is passed on without a copy, after what came before it", () => {
  const long = "x".repeat(20_000);
  const seen: [bytes: number, text: string][] = [];
  const parser = createRequestParser(NO_LIMIT, (bytes) =>
    seen.push([bytes.byteOffset - request.byteOffset, bytes.toString("latin1")]),
  );
  const request = Buffer.from(`${REQUEST_HEAD}1\r\na\r\n2\r\nbc\r\n4e20\r\n${long}\r\n1\r\nd\r\n`);
  const expected = [
    [request.indexOf("a\r\n2"), "abc"],
    [request.indexOf(long), `${long}d`],
  ];
  parser.push(request, parser.push(request, 0));
  assert.deepEqual(seen, expected);
});

test("the content before an invalid chunk is passed on once", () => {
  for (const isBroken of [false, true]) {
    const seen: string[] = [];
    const parser = createRequestParser(NO_LIMIT, (bytes) => {
      seen.push(bytes.toString("latin1"));
      if (isBroken) throw new Error("broken");
    });
    const request = Buffer.from(`${REQUEST_HEAD}1\r\na\r\n1\r\nb\r\nx\r\n`);
    const start = parser.push(request, 0);
    assert.throws(() => parser.push(request, start), isBroken ? /broken/ : /not valid HTTP/);
    assert.deepEqual(seen, ["ab"]);
  }
});
