// Symptom: a client that writes `/café` into its request line as UTF-8 got 400, and so did `Host: [v1.a:b]`. Root cause: headgate accepted
// only what RFC 3986 allows a client to send. Fix: a raw byte has one reading, and is forwarded unchanged; where headgate compares or shows
// a target, a raw byte is its `%XX`, so both spellings match the same route, the same shared response and the same log line.
import assert from "node:assert/strict";
import test from "node:test";

import { text } from "../support/responses.ts";
import { fieldValues } from "../support/message.ts";
import { startOrigin } from "../support/origin.ts";
import { sendRequest, toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

/** "é" in UTF-8, one character for each byte. */
const RAW = "\xc3\xa9";

test("raw bytes above 0x7f in a target reach the upstream byte for byte, with every method and in every form", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const all = Array.from({ length: 128 }, (_, index) => String.fromCharCode(128 + index)).join("");
  for (const path of [`/caf${RAW}`, `/${all}`, `/x?q=${RAW}&r=${all}`, `/%C3${RAW}/../b`]) {
    for (const [start, expected] of [
      [`GET ${path}`, `GET ${path}`],
      [`POST ${path}`, `POST ${path}`],
      [`HEAD ${path}`, `GET ${path}`],
      [`GET http://b.example${path}`, `GET ${path}`],
    ] as const) {
      const seen = origin.arrivals.length;
      assert.equal((await sendRequest(t, sidecar.port, toRequest(start))).status, 200, start);
      assert.equal((await origin.arrival(seen)).start, `${expected} HTTP/1.1`);
    }
  }
});

test("bytes that come one by one are the same target", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  for (const byte of toRequest(`GET /caf${RAW}`)) wire.write(byte);
  assert.equal((await wire.readResponse()).status, 200);
  assert.equal((await origin.arrival(0)).target, `/caf${RAW}`);
});

test("a route matches a raw byte as its %XX", async (t) => {
  const [origin, other] = [await startOrigin(t, text("mine")), await startOrigin(t, text("else"))];
  const yaml = [
    `upstreams: { other: "${other.url}" }`,
    "routes:",
    "  - { path: /café/*, upstream: other }",
    "  - { path: /%E9, upstream: other }",
  ].join("\n");
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml });
  const targets = [`/caf${RAW}`, "/caf%c3%a9/x", `/caf${RAW}/x?y`, "/caf%C3\xa9", "/\xe9", "/%e9"];
  for (const target of targets) {
    const answer = await sendRequest(t, sidecar.port, toRequest(`GET ${target}`));
    assert.equal(answer.body.toString(), "else", target);
  }
  for (const target of ["/caf\xe9", `/${RAW}`]) {
    const answer = await sendRequest(t, sidecar.port, toRequest(`GET ${target}`));
    assert.equal(answer.body.toString(), "mine", target);
  }
});

test("a POST to one spelling clears the shared response of the other", async (t) => {
  const origin = await startOrigin(t, text("ok", ["Cache-Control: max-age=60"]));
  const yaml = "head: { share: 60s }";
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml });
  const head = async (target: string): Promise<void> => {
    const answer = await sendRequest(t, sidecar.port, toRequest(`HEAD ${target}`));
    assert.equal(answer.status, 200);
  };
  for (const [asked, changed] of [
    [`/caf${RAW}?${RAW}`, "/caf%C3%A9?%c3%a9"],
    ["/%E9", "/\xe9"],
  ] as const) {
    const seen = origin.arrivals.length;
    await head(asked);
    await head(asked);
    assert.equal(origin.arrivals.length, seen + 1, "shared");
    await sendRequest(t, sidecar.port, toRequest(`POST ${changed}`, ["Content-Length: 0"]));
    await head(asked);
    assert.equal(origin.arrivals.length, seen + 3, "asked again");
  }
});

test("the log and the status page show a raw byte as its %XX, in path and query", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const yaml = "log: { access: all, query: true }";
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml });
  assert.equal(
    (await sendRequest(t, sidecar.port, toRequest(`HEAD /caf${RAW}\x9b?q=\xff`))).status,
    200,
  );
  const line = await sidecar.line((one) => one["http.request.method"] === "HEAD");
  assert.equal(line["url.path"], "/caf%C3%A9%9B");
  assert.equal(line["url.query"], "q=%FF");
  const status = await (await fetch(`http://127.0.0.1:${sidecar.adminPort}/status.json`)).text();
  assert.match(status, /"\/caf%C3%A9%9B"/);
});

test("control characters, white space and DEL in a target are 400 as before", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  for (const byte of ["\0", "\x01", "\t", "\x1b", "\x7f", " "]) {
    const answer = await sendRequest(t, sidecar.port, toRequest(`GET /a${byte}b`));
    assert.equal(answer.status, 400, JSON.stringify(byte));
  }
  assert.equal(origin.connections.length, 0);
});

test("an address of a later IP version in Host and in an absolute-form reaches the upstream unchanged", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  for (const host of ["[v1.a:b]", "[V1F.a!$&'()*+;=~_-]:80", "[v1.a:b]:"]) {
    for (const request of [
      toRequest("GET /", [`Host: ${host}`]),
      toRequest(`GET http://${host}/`),
    ]) {
      const seen = origin.arrivals.length;
      assert.equal((await sendRequest(t, sidecar.port, request)).status, 200, host);
      assert.deepEqual(fieldValues(await origin.arrival(seen), "host"), [host]);
    }
  }
});
