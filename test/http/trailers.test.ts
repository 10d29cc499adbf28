import assert from "node:assert/strict";
import test from "node:test";

import { toRequestTrailers, toResponseTrailers } from "../../src/http/trailers.ts";
import { toFields } from "../support/fields.ts";

const DIRECTIONS = { request: toRequestTrailers, response: toResponseTrailers };

/** Fields that frame, route or decode a message, or belong to one connection. */
const FORBIDDEN = [
  "Content-Length: 1",
  "transfer-encoding: chunked",
  "HOST: h",
  "Connection: x",
  "Trailer: y",
  "Upgrade: z",
  "TE: t",
  "Expect: 100-continue",
  "Content-Type: a/b",
  "Content-Encoding: gzip",
  "Content-Range: bytes 0-1/2",
];

for (const [direction, toTrailers] of Object.entries(DIRECTIONS)) {
  test(`a ${direction}'s trailers keep order, case, duplicates and bytes`, () => {
    const trailers = toFields(["X-b: \xe9", "x-A: 2", "X-b: 3", "Content-Digest: d"]);
    assert.deepEqual(toTrailers(trailers, ""), trailers);
  });

  test(`a ${direction}'s trailers that frame, route or decode a message are dropped`, () => {
    assert.deepEqual(
      toTrailers(toFields(["A: 1", ...FORBIDDEN, "B: 2"]), "close"),
      toFields(["A: 1", "B: 2"]),
    );
  });

  test(`a ${direction}'s trailers that Connection names are dropped`, () => {
    assert.deepEqual(
      toTrailers(toFields(["A: 1", "B: 2", "C: 3"]), "a, keep-alive ,c"),
      toFields(["B: 2"]),
    );
  });
}
