import assert from "node:assert/strict";
import test from "node:test";

import { toLocalResponse, withMaxForwards } from "../../src/http/local-response.ts";
import type { RequestHead } from "../../src/http/wire/request-head.ts";
import { checkRequest } from "../../src/http/request.ts";
import { toFields } from "../support/fields.ts";

function responseTo(method: string, target: string, ...lines: string[]) {
  const head: RequestHead = {
    method,
    target,
    httpVersion: "1.1",
    rawFields: toFields(["Host: h", ...lines]),
  };
  return toLocalResponse(head, checkRequest(head, 100));
}

const NO_CONTENT = { status: 204, fields: [], body: "", connection: "keep-alive" };

test("headgate responds to OPTIONS * itself", () => {
  assert.deepEqual(responseTo("OPTIONS", "*"), NO_CONTENT);
  assert.deepEqual(responseTo("OPTIONS", "http://h"), NO_CONTENT);
});

test("headgate responds itself to OPTIONS whose Max-Forwards is used up", () => {
  assert.deepEqual(responseTo("OPTIONS", "/", "max-forwards: 0"), NO_CONTENT);
  assert.deepEqual(responseTo("OPTIONS", "/", "Max-Forwards: 000"), NO_CONTENT);
});

for (const [method, ...lines] of [
  ["OPTIONS"],
  ["OPTIONS", "Max-Forwards: 1"],
  ["OPTIONS", "Max-Forwards: -0"],
  ["OPTIONS", "Max-Forwards:"],
  ["OPTIONS", "Max-Forwards: 0x0"],
  ["TRACE", "Max-Forwards: 10"],
  ["GET", "Max-Forwards: 0"],
  ["HEAD", "Max-Forwards: 0"],
] as const) {
  test(`${[method, ...lines].join(", ")} is sent upstream`, () =>
    assert.equal(responseTo(method, "/", ...lines), undefined));
}

test("a TRACE whose Max-Forwards is used up gets its request back, without secrets", () => {
  const answer = responseTo(
    "TRACE",
    "/x",
    "A: 1",
    "AUTHORIZATION: s",
    "Cookie: s",
    "Proxy-Authorization: s",
    "Max-Forwards: 0",
  );
  const body = "TRACE /x HTTP/1.1\r\nHost: h\r\nA: 1\r\nMax-Forwards: 0\r\n\r\n";
  assert.deepEqual(answer, {
    status: 200,
    fields: ["Content-Type", "message/http", "Content-Length", String(body.length)],
    body,
    connection: "keep-alive",
  });
});

test("the echo of a TRACE has as many bytes as its Content-Length", () => {
  const answer = responseTo("TRACE", "/", "A: \xe9\xff", "Max-Forwards: 0");
  assert.equal(answer?.fields[3], String(Buffer.from(answer?.body ?? "", "latin1").length));
});

const FORWARDED: readonly (readonly [string, string, string])[] = [
  ["OPTIONS", "5", "4"],
  ["TRACE", "1", "0"],
  ["OPTIONS", "010", "9"],
  ["OPTIONS", "99999999999999999999", "999999999"],
  ["OPTIONS", "x", "x"],
  ["OPTIONS", "-1", "-1"],
  ["GET", "5", "5"],
  ["POST", "0", "0"],
];

for (const [method, sent, got] of FORWARDED) {
  test(`${method} with Max-Forwards: ${sent} is sent upstream with ${got}`, () => {
    assert.deepEqual(withMaxForwards(method, ["A", "5", "MAX-forwards", sent, "B", "5"]), [
      "A",
      "5",
      "MAX-forwards",
      got,
      "B",
      "5",
    ]);
  });
}

test("without Max-Forwards the fields are sent upstream unchanged", () => {
  const fields = ["A", "max-forwards", "B", "1"];
  assert.equal(withMaxForwards("OPTIONS", fields), fields);
});
