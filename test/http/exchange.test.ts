import assert from "node:assert/strict";
import test from "node:test";

import { beginExchange, toRequestId } from "../../src/http/exchange.ts";

test("a new exchange holds what is known and nothing else", () => {
  const request = {
    method: "HEAD",
    target: "/x",
    httpVersion: "1.1",
    rawFields: ["A", "1"],
    peer: { remoteAddress: "::ffff:1.1.1.1" },
  };
  const { tunnel, bytesDrained, bytesSpared, status, retries, ...rest } = beginExchange(
    request,
    "i",
    5,
  );
  assert.deepEqual([tunnel, bytesDrained, bytesSpared, status, retries], [false, 0, 0, 0, 0]);
  assert.deepEqual(
    Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)),
    {
      id: "i",
      startedMs: 5,
      method: "HEAD",
      target: "/x",
      rawFields: ["A", "1"],
      httpVersion: "1.1",
      clientAddress: "1.1.1.1",
    },
  );
});

const GOOD = ["a", "9f3c2e1a-0000-4000-8000-123456789abc", "01H.x_y~z+/=:@-", "x".repeat(128)];
const BAD = [
  "",
  " ",
  "a b",
  "a\tb",
  "a\nb",
  'a"b',
  "<x>",
  "{x}",
  "a,b",
  "\xe9",
  "\x1b[31m",
  "x".repeat(129),
];

for (const value of GOOD) {
  test(`X-Request-Id ${value.slice(0, 40)} is kept`, () =>
    assert.equal(toRequestId({ id: "own", rawFields: ["x-REQUEST-id", value] }), value));
}
for (const value of BAD) {
  test(`X-Request-Id ${JSON.stringify(value.slice(0, 40))} is replaced by headgate's own`, () => {
    assert.equal(toRequestId({ id: "own", rawFields: ["X-Request-Id", value] }), "own");
  });
}

test("without X-Request-Id headgate makes an id", () => {
  assert.equal(toRequestId({ id: "own", rawFields: ["A", "x-request-id"] }), "own");
});
