/** The admin port, as a stranger on the network meets it. */

import assert from "node:assert/strict";
import test from "node:test";
import { text } from "../support/responses.ts";
import { fieldValues } from "../support/message.ts";
import { startOrigin } from "../support/origin.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

const PAGES = ["/livez", "/readyz", "/metrics"];

test("each page serves GET and HEAD alike, on one connection", async (t) => {
  const { adminPort } = await startSidecar(t, { upstream: "http://127.0.0.1:9" });
  const client = await openWire(t, adminPort);
  for (const page of PAGES) {
    client.write(`GET ${page} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const get = await client.readResponse();
    assert.equal(get.status, 200);
    assert.deepEqual(fieldValues(get, "content-length"), [String(get.body.length)]);
    client.write(`HEAD ${page} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const head = await client.readResponse("HEAD");
    assert.equal(head.status, 200);
    assert.equal(fieldValues(head, "content-length").length, 1);
    assert.deepEqual(fieldValues(head, "content-type"), fieldValues(get, "content-type"));
  }
  assert.equal(client.bytes.unread().length, 0);
});

test("another path is 404, another method 405 with Allow", async (t) => {
  const { adminPort } = await startSidecar(t, { upstream: "http://127.0.0.1:9" });
  const client = await openWire(t, adminPort);
  for (const path of ["/nothing", "/livez/", "/livez/../metrics", "/%6civez", "//livez"]) {
    client.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    assert.equal((await client.readResponse()).status, 404, path);
  }
  for (const method of ["DELETE", "OPTIONS"]) {
    client.write(`${method} /livez HTTP/1.1\r\nHost: a\r\n\r\n`);
    const answer = await client.readResponse();
    assert.deepEqual([answer.status, fieldValues(answer, "allow")], [405, ["GET, HEAD"]], method);
  }
});

test("the metrics count what the proxy's port served", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const { port, adminPort, line } = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, port);
  client.write("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal((await client.readResponse("HEAD")).status, 200);
  await line(({ msg }) => msg === "request");
  const admin = await openWire(t, adminPort);
  admin.write("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
  const metrics = (await admin.readResponse()).body.toString();
  assert.match(metrics, /^headgate_requests_total\{[^}]*\} 1$/m);
});

test("hostile input is refused, and the port continues to respond", async (t) => {
  const { adminPort } = await startSidecar(t, { upstream: "http://127.0.0.1:9" });
  const hostile = [
    "\r\n\r\nnonsense\r\n\r\n",
    "GET /livez HTTP/9.9\r\n\r\n",
    `GET /${"a".repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
    `GET /livez HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(20_000)}\r\n\r\n`,
    "GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    "CONNECT example.com:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  ];
  for (const bytes of hostile) {
    const client = await openWire(t, adminPort);
    client.write(bytes);
    const answer = await client.readResponse();
    assert.ok(answer.status >= 400, JSON.stringify(bytes.slice(0, 60)));
    await client.closed;
  }
  const client = await openWire(t, adminPort);
  client.write("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal((await client.readResponse()).status, 200);
});

test("request content is not read: the connection closes after the response", async (t) => {
  const { adminPort } = await startSidecar(t, { upstream: "http://127.0.0.1:9" });
  const client = await openWire(t, adminPort);
  client.write("POST /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc");
  const answer = await client.readResponse();
  assert.deepEqual([answer.status, fieldValues(answer, "connection")], [405, ["close"]]);
  await client.closed;
});

test("an Upgrade on the admin port is served as a plain request", async (t) => {
  const { adminPort } = await startSidecar(t, { upstream: "http://127.0.0.1:9" });
  const client = await openWire(t, adminPort);
  client.write(
    "GET /livez HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
  );
  assert.equal((await client.readResponse()).status, 200);
});

test("the proxy's port has no pages of its own", async (t) => {
  const origin = await startOrigin(t, text("the upstream's"));
  const { port } = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, port);
  for (const page of PAGES) {
    client.write(`GET ${page} HTTP/1.1\r\nHost: a\r\n\r\n`);
    assert.equal((await client.readResponse()).body.toString(), "the upstream's");
  }
});

// Symptom: POST /reload with "Host: localhost" and a second "Host: evil.example" was accepted, a request without Host was served, and the
// absolute-form of a page was 404.
// Root cause: the admin port read its target and its Host by itself, and only the first Host.
// Fix: it checks a request as the proxy's port does.
test("a request without exactly one well-formed Host is 400, and the connection closes; the absolute-form is served", async (t) => {
  const { adminPort } = await startSidecar(t, { upstream: "http://127.0.0.1:9" });
  const responseTo = async (start: string, ...lines: readonly string[]) => {
    const client = await openWire(t, adminPort);
    client.write([start, ...lines, "", ""].join("\r\n"));
    const answer = await client.readResponse(start.startsWith("HEAD") ? "HEAD" : "GET");
    if (answer.status === 400) assert.equal(await client.closed, "end");
    return answer.status;
  };
  const get = "GET /livez HTTP/1.1";
  assert.equal(await responseTo(get), 400);
  assert.equal(await responseTo(get, "Host: a", "Host: a"), 400);
  for (const host of ["a b", "a,b", "a/b", "user@a", "a:99999", "[::1", ""])
    assert.equal(await responseTo(get, `Host: ${host}`), 400, host);
  for (const host of ["10.0.0.7:9090", "[fd00::7]:9090", "localhost", "headgate.test"])
    assert.equal(await responseTo(get, `Host: ${host}`), 200, host);
  assert.equal(await responseTo("GET /livez HTTP/1.0"), 200);
  assert.equal(await responseTo("GET /livez HTTP/1.0", "Host: a", "Host: b"), 400);

  assert.equal(await responseTo("GET http://a/livez HTTP/1.1", "Host: a"), 200);
  assert.equal(await responseTo("HEAD http://a/readyz?x HTTP/1.1", "Host: b"), 200);
  assert.equal(await responseTo("GET http://a HTTP/1.1", "Host: a"), 200);
  assert.equal(await responseTo("GET http://a/nothing HTTP/1.1", "Host: a"), 404);
  assert.equal(await responseTo("GET http://a/livez HTTP/1.1"), 400);
  for (const target of ["livez", "*", "http:///livez", "/livez#x"])
    assert.equal(await responseTo(`GET ${target} HTTP/1.1`, "Host: a"), 400, target);
});
