import assert from "node:assert/strict";
import test from "node:test";

import type { RequestHead } from "../../src/http/wire/request-head.ts";
import { checkRequest } from "../../src/http/request.ts";
import { toFields } from "../support/fields.ts";
import { refuses } from "../support/refusal.ts";

function toHead(lines: readonly string[], more: Partial<RequestHead> = {}): RequestHead {
  return { method: "GET", target: "/x?y", httpVersion: "1.1", rawFields: toFields(lines), ...more };
}

test("a request is read into what may be forwarded", () => {
  assert.deepEqual(checkRequest(toHead(["Host: h", "A: 1", "Connection: close"]), 100), {
    path: "/x?y",
    host: "h",
    endToEnd: ["Host", "h", "A", "1"],
    framing: "none",
    upgrade: undefined,
    takesTrailers: false,
    expectsContinue: false,
  });
});

test("a HEAD takes no trailers, with any TE", () => {
  const lines = ["Host: h", "TE: trailers"];
  assert.equal(checkRequest(toHead(lines), 100).takesTrailers, true);
  assert.equal(checkRequest(toHead(lines, { method: "HEAD" }), 100).takesTrailers, false);
});

test("the absolute-form's authority is the host, with any Host field", () => {
  const { path, host } = checkRequest(toHead(["Host: a"], { target: "http://b:1/x" }), 100);
  assert.deepEqual([path, host], ["/x", "b:1"]);
});

for (const httpVersion of ["2.0", "0.9", "1.2", ""]) {
  test(`HTTP/${httpVersion} is refused with 505`, () =>
    refuses(() => checkRequest(toHead(["Host: h"], { httpVersion }), 100), 505));
}

test("one field too many is refused with 431", () => {
  const lines = ["Host: h", "A: 1", "B: 2"];
  assert.equal(checkRequest(toHead(lines), 3).host, "h");
  refuses(() => checkRequest(toHead(lines), 2), 431);
});

test("a bad target, Host, framing or coding is refused", () => {
  refuses(() => checkRequest(toHead(["Host: h"], { target: "/#" }), 100), 400);
  refuses(() => checkRequest(toHead([]), 100), 400);
  refuses(
    () => checkRequest(toHead(["Host: h", "Content-Length: 1", "Transfer-Encoding: chunked"]), 100),
    400,
  );
  refuses(() => checkRequest(toHead(["Host: h", "Transfer-Encoding: gzip"]), 100), 501);
});

const LENGTH = ["Host: h", "Content-Length: 1"];

test("a client with content to send waits for 100 (Continue)", () => {
  assert.equal(
    checkRequest(toHead([...LENGTH, "Expect: 100-continue"]), 100).expectsContinue,
    true,
  );
  assert.equal(
    checkRequest(toHead([...LENGTH, "EXPECT: 100-Continue"]), 100).expectsContinue,
    true,
  );
  assert.equal(
    checkRequest(toHead(["Host: h", "Transfer-Encoding: chunked", "Expect: 100-continue"]), 100)
      .expectsContinue,
    true,
  );
});

test("an expectation means nothing without content or in HTTP/1.0", () => {
  assert.equal(
    checkRequest(toHead(["Host: h", "Expect: 100-continue"]), 100).expectsContinue,
    false,
  );
  assert.equal(
    checkRequest(toHead([...LENGTH, "Expect: 100-continue"], { httpVersion: "1.0" }), 100)
      .expectsContinue,
    false,
  );
});

test("an unknown expectation is refused with 417", () => {
  refuses(() => checkRequest(toHead([...LENGTH, "Expect: bogus"]), 100), 417);
});
