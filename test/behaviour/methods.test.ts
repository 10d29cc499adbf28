// Symptom: `svn`'s VERSION-CONTROL, Varnish's BAN, SCCM's CCM_POST and a method in lower case were 400 "not valid HTTP", and the connection
// closed. Root cause: headgate used the table of methods that Node's parser knows. Fix: RFC 9110 §9.1 makes any token a method, and each
// has one reading; headgate forwards it and lets the backend decide.
import assert from "node:assert/strict";
import test from "node:test";

import { text, toHead } from "../support/responses.ts";
import { fieldValues } from "../support/message.ts";
import { startOrigin } from "../support/origin.ts";
import { sendRequest, toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";
import { testOverVersions } from "../support/versions.ts";

const METHODS = [
  "VERSION-CONTROL",
  "BASELINE-CONTROL",
  "UPDATE",
  "BAN",
  "CCM_POST",
  "RPC_IN_DATA",
  "get",
  "Post",
  "options",
  "pri",
  "!#$%&'*+-.^_`|~09",
  "X".repeat(64),
];

test("a method of any token reaches the upstream unchanged, with and without content, on one connection", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  for (const method of METHODS) {
    for (const content of ["", "hello"]) {
      const seen = origin.arrivals.length;
      const length = content === "" ? [] : ["Content-Length: 5"];
      wire.write(toRequest(`${method} /x`, length, content));
      const answer = await wire.readResponse();
      assert.deepEqual([answer.status, answer.body.toString()], [200, "ok"], method);
      const arrival = await origin.arrival(seen);
      assert.equal(arrival.start, `${method} /x HTTP/1.1`);
      assert.equal((await arrival.completed).body.toString(), content);
    }
  }
  assert.equal(origin.connections.length, 1);
});

testOverVersions(
  "the log has such a method, and the metrics count all of them under one label",
  async (t, over) => {
    const origin = await startOrigin(t, text("ok"));
    const sidecar = await over.startSidecar(t, { upstream: origin.url });
    for (const method of METHODS) {
      assert.equal(
        (await over.sendRequest(t, sidecar.port, toRequest(`${method} /x`))).status,
        200,
        method,
      );
      await sidecar.line((line) => line["http.request.method"] === method);
    }
    const metrics = await (await fetch(`http://127.0.0.1:${sidecar.adminPort}/metrics`)).text();
    const labels = [...metrics.matchAll(/^headgate_requests_total\{[^}]*method="([^"]*)"/gm)];
    assert.deepEqual([...new Set(labels.map(([, label]) => label))], ["other"]);
  },
);

test("a method of more than 64 bytes is 501, and PRI, which begins HTTP/2, is 400", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const cases = [
    ["X".repeat(65), 501],
    ["PRI", 400],
    ["CONNECT", 501],
  ] as const;
  for (const [method, status] of cases) {
    const answer = await sendRequest(t, sidecar.port, toRequest(`${method} /`));
    assert.equal(answer.status, status, method);
    assert.deepEqual(fieldValues(answer, "connection"), ["close"]);
  }
  assert.equal(origin.connections.length, 0);
});

// Some backends fold the case of a method: to them `head` is HEAD, and their response has no content, with any Content-Length.
for (const method of ["head", "Head", "hEAD", "connect", "Connect"]) {
  test(`${method} is forwarded as any method, and its upstream connection is not reused`, async (t) => {
    const origin = await startOrigin(t, text("ok"));
    const sidecar = await startSidecar(t, { upstream: origin.url });
    const wire = await openWire(t, sidecar.port);
    for (const start of [`${method} /a`, "GET /b"]) {
      wire.write(toRequest(start));
      const answer = await wire.readResponse();
      assert.deepEqual([answer.status, answer.body.toString()], [200, "ok"], start);
    }
    const [first, second] = origin.arrivals;
    assert.equal(first?.start, `${method} /a HTTP/1.1`);
    assert.deepEqual(first && fieldValues(first, "connection"), ["close"]);
    assert.notEqual(second?.connection, first?.connection);
  });
}

test("a response to head without its content is truncated, and no other response takes its place", async (t) => {
  const origin = await startOrigin(t, (request) => {
    const isHead = request.method.toLowerCase() === "head";
    request.write(`${toHead("200 OK", ["Content-Length: 5"])}${isHead ? "" : "right"}`);
    if (isHead) request.end();
  });
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("head /a") + toRequest("GET /b"));
  await assert.rejects(wire.readResponse(), /ended \(end\) too early/);
  const answer = await sendRequest(t, sidecar.port, toRequest("GET /b"));
  assert.equal(answer.body.toString(), "right");
});
