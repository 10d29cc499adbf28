import assert from "node:assert/strict";
import test from "node:test";

import { ProxyError } from "../../src/http/errors.ts";
import { findField } from "../../src/http/fields.ts";
import { toProblem } from "../../src/http/problem.ts";

const CAUSE = Object.assign(new Error("connect ECONNREFUSED 10.1.2.3:8000"), {
  code: "ECONNREFUSED",
});

test("a problem has status, title, type and id, and nothing else", () => {
  const { status, body } = toProblem(
    new ProxyError("connection_refused", { cause: CAUSE }),
    "id-1",
    "GET",
  );
  assert.equal(status, 502);
  assert.deepEqual(JSON.parse(body), {
    status: 502,
    title: "The upstream refused the connection",
    error: "connection_refused",
    requestId: "id-1",
  });
});

test("a problem's fields name its type, its length and what failed", () => {
  const { fields, body } = toProblem(
    new ProxyError("connection_refused", { cause: CAUSE }),
    "id-1",
    "GET",
  );
  const expected = [
    "Content-Type",
    "application/problem+json",
    "Content-Length",
    String(body.length),
  ];
  assert.deepEqual(fields, [...expected, "Proxy-Status", "headgate; error=connection_refused"]);
});

test("a problem for a HEAD, which has no content, names the request in Proxy-Status", () => {
  const { fields } = toProblem(new ProxyError("connection_refused"), "id-1", "HEAD");
  assert.equal(
    findField(fields, "proxy-status"),
    'headgate; error=connection_refused; details="request_id=id-1"',
  );
});

test("only a 503 has Retry-After", () => {
  assert.equal(
    findField(
      toProblem(new ProxyError("connection_limit_reached"), "x", "GET").fields,
      "retry-after",
    ),
    "1",
  );
  assert.equal(
    findField(toProblem(new ProxyError("http_response_timeout"), "x", "GET").fields, "retry-after"),
    undefined,
  );
});
