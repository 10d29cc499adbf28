import assert from "node:assert/strict";
import test from "node:test";

import { toClientFields } from "../../src/http/rewrite.ts";
import { readResponseFields } from "../../src/http/response-fields.ts";
import { toFields } from "../support/fields.ts";

const CHUNKED = ["A: 1", "Transfer-Encoding: chunked"];
const LENGTH = ["A: 1", "Content-Length: 5"];
const NEITHER = ["A: 1"];
const TRAILER = ["A: 1", "Trailer: X-T", "Transfer-Encoding: chunked"];

interface Case {
  readonly title: string;
  readonly sent: readonly string[];
  readonly got: readonly string[];
  readonly status?: number;
  readonly version?: string;
}

const CASES: readonly Case[] = [
  { title: "a Content-Length is passed on", sent: LENGTH, got: LENGTH },
  { title: "a Content-Length is passed on to HTTP/1.0", sent: LENGTH, got: LENGTH, version: "1.0" },
  { title: "chunked stays chunked", sent: CHUNKED, got: CHUNKED },
  {
    title: "chunked ends with the connection for HTTP/1.0",
    sent: CHUNKED,
    got: NEITHER,
    version: "1.0",
  },
  {
    title: "content that ends with the connection is chunked for HTTP/1.1",
    sent: NEITHER,
    got: CHUNKED,
  },
  { title: "no length is invented for HTTP/1.0", sent: NEITHER, got: NEITHER, version: "1.0" },
  { title: "204 has no framing", sent: LENGTH, got: NEITHER, status: 204 },
  { title: "204 gets no framing", sent: CHUNKED, got: NEITHER, status: 204 },
  { title: "103 has no framing", sent: LENGTH, got: NEITHER, status: 103 },
  {
    title: "304 keeps the Content-Length of what was not sent",
    sent: LENGTH,
    got: LENGTH,
    status: 304,
  },
  { title: "304 gets no framing", sent: CHUNKED, got: NEITHER, status: 304 },
  { title: "Trailer stays beside chunked", sent: TRAILER, got: TRAILER },
  { title: "Trailer goes beside a Content-Length", sent: ["Trailer: X-T", ...LENGTH], got: LENGTH },
  // Each of these was a 502: Node throws if a Trailer stands without chunked framing on the client's side.
  {
    title: "Trailer goes where HTTP/1.0 gets no chunks",
    sent: TRAILER,
    got: NEITHER,
    version: "1.0",
  },
  {
    title: "Trailer goes beside content that ends with the connection",
    sent: ["Trailer: X-T"],
    got: ["Transfer-Encoding: chunked"],
  },
  { title: "Trailer goes from a 204", sent: TRAILER, got: NEITHER, status: 204 },
  { title: "Trailer goes from a 304", sent: TRAILER, got: NEITHER, status: 304 },
  { title: "Trailer goes from a 103", sent: TRAILER, got: NEITHER, status: 103 },
];

for (const { title, sent, got, status = 200, version = "1.1" } of CASES) {
  test(title, () => {
    assert.deepEqual(
      toClientFields(status, version, readResponseFields(toFields(sent))),
      toFields(got),
    );
  });
}
