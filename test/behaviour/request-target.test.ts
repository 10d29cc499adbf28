import assert from "node:assert/strict";
import test from "node:test";
import { text } from "../support/responses.ts";
import { fieldValues } from "../support/message.ts";
import { startOrigin } from "../support/origin.ts";
import { sendRequest, toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";

const TARGETS = [
  "/",
  "//",
  "//a",
  "//evil.example/x",
  "/a/../b",
  "/./a/",
  "/%2e",
  "/%2E%2e/",
  "/a%00b",
  "/a%0d%0aX:y",
  "/{x}",
  "/a|b^c`d",
  '/"<>',
  "/?",
  "/??",
  "/?a=b?c&&d=%zz",
  "/a\\b\\..\\c",
  "/;a=1;b",
  "/a:b@c",
  "/http://a.example/",
  "/*",
  "/a+b%20c",
  "/'",
  "/é?é",
];

test("the request-target reaches the upstream byte for byte", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  for (const target of TARGETS) {
    for (const method of ["GET", "POST", "DELETE", "OPTIONS", "PATCH"]) {
      const seen = origin.arrivals.length;
      const answer = await sendRequest(t, sidecar.port, toRequest(`${method} ${target}`));
      assert.equal(answer.status, 200, target);
      assert.equal((await origin.arrival(seen)).start, `${method} ${target} HTTP/1.1`);
    }
  }
});

test("a target of 8,000 bytes passes", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const target = `/${"x".repeat(8_000)}`;
  await sendRequest(t, sidecar.port, toRequest(`GET ${target}`));
  assert.equal((await origin.arrival(0)).target, target);
});

const ABSOLUTE: readonly (readonly [target: string, path: string, host: string])[] = [
  ["http://b.example/x?y", "/x?y", "b.example"],
  ["http://b.example", "/", "b.example"],
  ["http://b.example?y", "/?y", "b.example"],
  ["HTTP://B.example:81/a/../b", "/a/../b", "B.example:81"],
  ["https://b.example//x", "//x", "b.example"],
  ["http://[::1]:80/x", "/x", "[::1]:80"],
];
test("the absolute-form's authority replaces Host, and its path goes to the upstream as origin-form", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  for (const [target, path, host] of ABSOLUTE) {
    const seen = origin.arrivals.length;
    await sendRequest(t, sidecar.port, toRequest(`GET ${target}`, ["Host: a.example"]));
    const arrival = await origin.arrival(seen);
    assert.equal(arrival.target, path);
    assert.deepEqual(fieldValues(arrival, "host"), [host]);
    assert.deepEqual(fieldValues(arrival, "x-forwarded-host"), [host]);
  }
});

test("the absolute-form never makes an open proxy: another listening server gets no request", async (t) => {
  const origin = await startOrigin(t, text("mine"));
  const other = await startOrigin(t, text("theirs"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  for (const method of ["GET", "HEAD", "POST"]) {
    const target = `http://127.0.0.1:${other.port}/`;
    const answer = await sendRequest(t, sidecar.port, toRequest(`${method} ${target}`));
    assert.equal(answer.status, 200);
  }
  assert.equal(origin.arrivals.length, 3);
  assert.equal(other.connections.length, 0);
});

test("a HEAD in absolute-form is sent as a GET in origin-form", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const answer = await sendRequest(t, sidecar.port, toRequest("HEAD http://b.example/x"));
  assert.equal(answer.status, 200);
  assert.equal((await origin.arrival(0)).start, "GET /x HTTP/1.1");
});

const REFUSED = [
  "*",
  "a.example:80",
  "x",
  "x/y",
  "?x",
  "http:/x",
  "http://",
  "http:///x",
  "http://u@b.example/",
  "http://u:p@b.example/",
  "http://a,b/",
  "http://b.example:99999/",
  "http://[::1/",
  "ftp://b.example/",
  "file:///etc/passwd",
  "/#f",
  "/a#",
  "http://b.example/#f",
];
test("a target that no server can serve is 400, and the upstream never sees it", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  for (const target of REFUSED) {
    const answer = await sendRequest(t, sidecar.port, toRequest(`GET ${target}`));
    assert.equal(answer.status, 400, target);
    assert.deepEqual(fieldValues(answer, "content-type"), ["application/problem+json"]);
  }
  assert.equal(origin.connections.length, 0);
});
