import assert from "node:assert/strict";
import test from "node:test";
import { chunked, text, toChunk, toHead } from "../support/responses.ts";
import { fieldValues } from "../support/message.ts";
import { startOrigin } from "../support/origin.ts";
import { toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

test("an HTTP/1.0 client is served without Host, and its connection closed", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  for (const method of ["GET", "HEAD"]) {
    const wire = await openWire(t, sidecar.port);
    wire.write(`${method} /x HTTP/1.0\r\n\r\n`);
    const answer = await wire.readResponse(method);
    assert.equal(answer.status, 200);
    assert.deepEqual(fieldValues(answer, "content-length"), ["2"]);
    assert.equal((await wire.bytes.takeAll()).length, 0);
  }
  assert.equal((await origin.arrival(1)).start, "GET /x HTTP/1.1");
});

test("an HTTP/1.0 client that sends keep-alive keeps its connection, HEAD and GET in step", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  for (const method of ["HEAD", "GET", "HEAD", "GET"]) {
    wire.write(toRequest(`${method} / HTTP/1.0`, ["Connection: keep-alive"]));
    const answer = await wire.readResponse(method);
    assert.deepEqual(
      fieldValues(answer, "connection").map((value) => value.toLowerCase()),
      ["keep-alive"],
    );
  }
});

test("chunked content reaches an HTTP/1.0 client without chunks and trailers, up to the end of the connection", async (t) => {
  const origin = await startOrigin(t, async (request) => {
    await request.completed;
    const head = toHead("200 OK", ["Trailer: X-Sum", "Transfer-Encoding: chunked"]);
    request.write(`${head}${toChunk("one")}${toChunk("two")}0\r\nX-Sum: 1\r\n\r\n`);
  });
  const sidecar = await startSidecar(t, { upstream: origin.url });
  for (const lines of [[], ["Connection: keep-alive"]]) {
    const wire = await openWire(t, sidecar.port);
    wire.write(toRequest("GET / HTTP/1.0", lines));
    const answer = await wire.readResponse();
    assert.equal(answer.status, 200);
    assert.equal(answer.body.toString(), "onetwo");
    assert.deepEqual(
      answer.lines.filter((line) => /^(?:transfer-encoding|content-length|trailer)/i.test(line)),
      [],
    );
    assert.equal(await wire.closed, "end");
  }
});

test("truncated chunked content ends in a reset, because an HTTP/1.0 client could not notice otherwise", async (t) => {
  const origin = await startOrigin(t, async (request) => {
    await request.completed;
    request.write(`${toHead("200 OK", ["Transfer-Encoding: chunked"])}${toChunk("one")}`);
    setTimeout(() => request.reset(), 20);
  });
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("GET / HTTP/1.0"));
  await wire.readHead();
  assert.equal(await wire.closed, "reset");
});

test("interim responses do not reach an HTTP/1.0 client", async (t) => {
  const origin = await startOrigin(t, async (request) => {
    await request.completed;
    request.write(toHead("100 Continue", []) + toHead("103 Early Hints", ["Link: </a>"]));
    await chunked(["ok"])(request);
  });
  const sidecar = await startSidecar(t, { upstream: origin.url });
  for (const method of ["GET", "HEAD"]) {
    const wire = await openWire(t, sidecar.port);
    wire.write(toRequest(`${method} / HTTP/1.0`));
    assert.equal((await wire.readResponse(method)).status, 200);
  }
});
