/** `contentLength: measure`: the response to a HEAD has the length of content whose GET did not announce it. */

import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { chunked, sse, text, toChunk, toHead } from "../support/responses.ts";
import { fieldValues } from "../support/message.ts";
import { type Script, startOrigin } from "../support/origin.ts";
import { sendRequest, toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

const MEASURE = "head: { contentLength: measure, drain: { bytes: 1KiB, time: 1h } }";

async function framingOf(t: TestContext, script: Script, yaml = MEASURE, request = "HEAD /x") {
  const origin = await startOrigin(t, script);
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml });
  const answer = await sendRequest(t, sidecar.port, toRequest(request));
  return {
    length: fieldValues(answer, "content-length"),
    coding: fieldValues(answer, "transfer-encoding"),
    trailer: fieldValues(answer, "trailer"),
  };
}

const ENDLESS: Script = async (request) => {
  await request.completed;
  request.write(toHead("200 OK", ["Transfer-Encoding: chunked"]) + toChunk("begun"));
  await request.connection.closed;
};

test("a HEAD has the exact length of a chunked body that ends within the drain limits", async (t) => {
  const exact = { length: ["5"], coding: [], trailer: [] };
  assert.deepEqual(await framingOf(t, chunked(["ab", "cde"])), exact);
  assert.deepEqual(await framingOf(t, chunked(["ab", "cde"], ["X-Sum: 1"])), exact);
  assert.deepEqual(await framingOf(t, chunked([])), { ...exact, length: ["0"] });
  assert.deepEqual(await framingOf(t, chunked(["x".repeat(1_024)])), {
    ...exact,
    length: ["1024"],
  });
});

test("a HEAD of a body beyond drain.bytes or drain.time, or of an event stream, has no length as usual", async (t) => {
  const usual = { length: [], coding: [], trailer: [] };
  assert.deepEqual(await framingOf(t, chunked(["x".repeat(1_025)])), usual);
  const quick = MEASURE.replace("1h", "200ms");
  assert.deepEqual(await framingOf(t, ENDLESS, quick), usual);
  assert.deepEqual(await framingOf(t, sse()), usual);
});

test("a body that ends with its connection is not measured, as it may be truncated", async (t) => {
  const script: Script = async (request) => {
    await request.completed;
    request.write(`${toHead("200 OK", ["Connection: close"])}abc`);
    request.end();
  };
  assert.deepEqual(await framingOf(t, script), { length: [], coding: [], trailer: [] });
});

test("a truncated chunked body is not measured", async (t) => {
  const script: Script = async (request) => {
    await request.completed;
    request.write(toHead("200 OK", ["Transfer-Encoding: chunked"]) + toChunk("abc"));
    request.end();
  };
  assert.deepEqual(await framingOf(t, script), { length: [], coding: [], trailer: [] });
});

test("an announced length is passed on without waiting for the body", async (t) => {
  const patient = "head: { contentLength: measure, drain: { time: 1h } }";
  const script: Script = async (request) => {
    await request.completed;
    request.write(toHead("200 OK", ["Content-Length: 7"]));
  };
  assert.deepEqual((await framingOf(t, script, patient)).length, ["7"]);
});

test("a GET, a HEAD that is passed, and a HEAD without the option do not change", async (t) => {
  assert.deepEqual((await framingOf(t, chunked(["a"]), MEASURE, "GET /x")).coding, ["chunked"]);
  assert.deepEqual((await framingOf(t, chunked(["a"]), "")).length, []);
  const pass = "head: { mode: pass, contentLength: measure }";
  assert.deepEqual((await framingOf(t, chunked(["a"]), pass)).length, []);
});

test("a measured body is logged as drained, and its connection is reused", async (t) => {
  const origin = await startOrigin(t, (request) =>
    request.target === "/x" ? chunked(["ab", "cde"])(request) : text("ok")(request),
  );
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml: MEASURE });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("HEAD /x") + toRequest("GET /next"));
  await wire.readResponse("HEAD");
  assert.equal((await wire.readResponse()).body.toString(), "ok");
  assert.equal(origin.connections.length, 1);
  const line = await sidecar.line((one) => one["url.path"] === "/x");
  assert.deepEqual([line["body"], line["bytes_drained"]], ["drained", 5]);
});

test("a client that disconnects while its HEAD is measured ends the GET", async (t) => {
  const origin = await startOrigin(t, ENDLESS);
  const yaml = "head: { contentLength: measure, drain: { time: 1h } }";
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("HEAD /x"));
  const { connection } = await origin.arrival(0);
  wire.reset();
  await connection.closed;
  const line = await sidecar.line((one) => one["url.path"] === "/x");
  assert.equal(line["error.type"], "client_gone");
});
