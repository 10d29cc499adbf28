import assert from "node:assert/strict";
import test from "node:test";
import { chunked, text, toChunk, toHead } from "../support/responses.ts";
import { fieldValues } from "../support/message.ts";
import { type Script, startOrigin } from "../support/origin.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY", "PROPFIND", "REPORT"];
const LENGTHS = [0, 1, 16_383, 16_384, 65_536, 65_537, 300_000];

/** Responds with the content of the request. */
const echo: Script = async (request) => {
  const { body } = await request.completed;
  request.write(toHead("200 OK", [`Content-Length: ${body.length}`]));
  request.write(body);
};

test("content with a length reaches the upstream unchanged, with any method", async (t) => {
  const origin = await startOrigin(t, echo);
  const { port } = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, port);
  for (const method of METHODS.filter(
    (each) => each !== "QUERY" || process.versions.node >= "22",
  )) {
    for (const length of [0, 5, 70_000]) {
      const content = toContent(length);
      client.write(
        `${method} /x HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n${content}`,
      );
      const answer = await client.readResponse();
      assert.equal(answer.status, 200);
      assert.ok(answer.body.toString("latin1") === content, `${method} ${length}`);
      const arrival = origin.arrivals.at(-1) ?? assert.fail();
      assert.equal(arrival.method, method);
      // Without content, requests with methods that expect none may be sent without a length (RFC 9110 §8.6).
      if (length > 0) assert.deepEqual(fieldValues(arrival, "content-length"), [String(length)]);
      assert.deepEqual(fieldValues(arrival, "transfer-encoding"), []);
    }
  }
});

test("chunked content is sent upstream chunked, with any method", async (t) => {
  const origin = await startOrigin(t, echo);
  const { port } = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, port);
  for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
    for (const parts of [[], ["one"], ["one", "two", toContent(70_000)]]) {
      client.write(`${method} /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`);
      client.write(`${parts.map(toChunk).join("")}0\r\n\r\n`);
      const answer = await client.readResponse();
      assert.ok(answer.body.toString("latin1") === parts.join(""), `${method} ${parts.length}`);
      const arrival = origin.arrivals.at(-1) ?? assert.fail();
      if (parts.length === 0) continue;
      assert.deepEqual(fieldValues(arrival, "transfer-encoding"), ["chunked"]);
      assert.deepEqual(fieldValues(arrival, "content-length"), []);
    }
  }
});

test("a request without content is sent upstream without framing", async (t) => {
  const origin = await startOrigin(t, echo);
  const { port } = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, port);
  for (const method of ["GET", "DELETE", "OPTIONS"]) {
    client.write(`${method} /x HTTP/1.1\r\nHost: a\r\n\r\n`);
    assert.equal((await client.readResponse()).status, 200);
    const arrival = origin.arrivals.at(-1) ?? assert.fail();
    assert.deepEqual(fieldValues(arrival, "transfer-encoding"), []);
    assert.deepEqual(fieldValues(arrival, "content-length"), []);
  }
});

test("a response with a length reaches the client with that length", async (t) => {
  for (const length of LENGTHS) {
    const origin = await startOrigin(t, text(toContent(length)));
    const { port } = await startSidecar(t, { upstream: origin.url });
    for (const version of ["1.1", "1.0"]) {
      const client = await openWire(t, port);
      client.write(`GET /x HTTP/${version}\r\nHost: a\r\n\r\n`);
      const answer = await client.readResponse();
      assert.deepEqual(fieldValues(answer, "content-length"), [String(length)]);
      assert.deepEqual(fieldValues(answer, "transfer-encoding"), []);
      assert.ok(answer.body.toString("latin1") === toContent(length));
    }
  }
});

test("a chunked response stays chunked for HTTP/1.1 and ends with the connection for HTTP/1.0", async (t) => {
  for (const parts of [[], ["one"], ["one", "two", toContent(300_000)]]) {
    const origin = await startOrigin(t, chunked(parts));
    const { port } = await startSidecar(t, { upstream: origin.url });
    const newer = await openWire(t, port);
    newer.write("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    const answer = await newer.readResponse();
    assert.deepEqual(fieldValues(answer, "transfer-encoding"), ["chunked"]);
    assert.ok(answer.body.toString("latin1") === parts.join(""));

    const older = await openWire(t, port);
    older.write("GET /x HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
    const old = await older.readResponse();
    assert.deepEqual(fieldValues(old, "transfer-encoding"), []);
    assert.deepEqual(fieldValues(old, "content-length"), []);
    assert.ok(old.body.toString("latin1") === parts.join(""));
    assert.equal(await older.closed, "end");
  }
});

test("a response that ends with the upstream's connection is complete, and chunked for the client", async (t) => {
  const origin = await startOrigin(t, async (request) => {
    await request.completed;
    request.write(`${toHead("200 OK", ["Content-Type: text/plain"])}up to the end`);
    request.end();
  });
  const { port } = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, port);
  for (let turn = 0; turn < 2; turn += 1) {
    client.write("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    const answer = await client.readResponse();
    assert.deepEqual(fieldValues(answer, "transfer-encoding"), ["chunked"]);
    assert.equal(answer.body.toString(), "up to the end");
  }
});

test("each part of a response is passed on when it comes, not when the response is complete", async (t) => {
  const origin = await startOrigin(t, async (request) => {
    await request.completed;
    request.write(toHead("200 OK", ["Transfer-Encoding: chunked"]));
  });
  const { port } = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, port);
  client.write("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  const request = await origin.arrival(0);
  await client.readHead();
  for (const part of ["first", "second", "third"]) {
    request.write(toChunk(part));
    assert.equal((await client.bytes.take(toChunk(part).length)).toString(), toChunk(part));
  }
  request.write("0\r\n\r\n");
  assert.equal((await client.bytes.take(5)).toString(), "0\r\n\r\n");
});

test("each part of an upload is passed on when it comes, not when the upload is complete", async (t) => {
  const origin = await startOrigin(t, echo);
  const { port } = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, port);
  client.write("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\none");
  const { connection } = await origin.arrival(0);
  const seen = connection.bytes;
  while (seen.unread().toString() !== "one") await new Promise(setImmediate);
  client.write("two");
  while (seen.unread().toString() !== "onetwo") await new Promise(setImmediate);
  client.write("end");
  assert.equal((await client.readResponse()).body.toString(), "onetwoend");
});

test("204 and 304 have no content, and the connection is reused", async (t) => {
  const origin = await startOrigin(t, async (request) => {
    await request.completed;
    const isNotModified = request.target === "/304";
    request.write(
      isNotModified
        ? toHead("304 Not Modified", ['ETag: "a"', "Content-Length: 999"])
        : toHead("204 No Content", []),
    );
  });
  const { port } = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, port);
  for (const status of [204, 304, 204, 304]) {
    client.write(`GET /${status} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const answer = await client.readResponse();
    assert.equal(answer.status, status);
    assert.deepEqual(fieldValues(answer, "transfer-encoding"), []);
  }
  assert.equal(client.bytes.unread().length, 0);
});

function toContent(length: number): string {
  return "0123456789abcdef\n".repeat(Math.ceil(length / 17)).slice(0, length);
}
