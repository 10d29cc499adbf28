import assert from "node:assert/strict";
import test from "node:test";

import { toHeadFields } from "../../src/head/head-fields.ts";
import { toFields } from "../support/fields.ts";

const KEPT = [
  "Accept: a",
  "IF-None-Match: x",
  "accept: b",
  "If-Match: y",
  "If-Modified-Since: z",
  "Ranges: 1",
];

test("a converted HEAD requests no range and announces no content", () => {
  const lines = [
    "Range: bytes=0-1",
    ...KEPT,
    "if-RANGE: e",
    "content-LENGTH: 3",
    "range: bytes=2-3",
  ];
  assert.deepEqual(toHeadFields(toFields(lines), "GET"), toFields(KEPT));
});

test("a passed HEAD keeps its range and announces no content", () => {
  const lines = ["Range: bytes=0-1", ...KEPT, "If-Range: e"];
  assert.deepEqual(
    toHeadFields(toFields([...lines, "Content-Length: 3"]), "HEAD"),
    toFields(lines),
  );
});
