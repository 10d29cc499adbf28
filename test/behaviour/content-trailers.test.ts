import assert from "node:assert/strict";
import test from "node:test";
import { chunked, text, toHead } from "../support/answers.ts";
import { MessageError } from "../support/message.ts";
import { startOrigin } from "../support/origin.ts";
import { startSidecar } from "../support/sidecar.ts";
import { type Answer, openWire } from "../support/wire.ts";

const LONG = "x".repeat(100_000);

test("trailers of the answer reach an HTTP/1.1 client as trailers, in order and case", async (t) => {
  for (const parts of [["one"], [LONG, LONG], []]) {
    const origin = await startOrigin(
      t,
      chunked(parts, ["X-Check: 1", "x-check: 2", "Server-Timing: db;dur=5"]),
    );
    const { port } = await startSidecar(t, { upstream: origin.url });
    const client = await openWire(t, port);
    for (let turn = 0; turn < 2; turn += 1) {
      client.write("GET /x HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n");
      const answer = await client.readAnswer();
      assert.ok(answer.body.toString() === parts.join(""));
      assert.deepEqual(answer.trailers, ["X-Check: 1", "x-check: 2", "Server-Timing: db;dur=5"]);
    }
  }
});

test("an HTTP/1.0 client gets the content without the trailers", async (t) => {
  const origin = await startOrigin(t, chunked(["one"], ["X-Check: 1"]));
  const { port } = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, port);
  client.write("GET /x HTTP/1.0\r\nHost: a\r\n\r\n");
  assert.equal((await client.readAnswer()).body.toString(), "one");
});

test("a trailer that would frame or route the message is left out", async (t) => {
  for (const evil of [
    "Transfer-Encoding: chunked",
    "Connection: close",
    "Host: b",
    "Trailer: X-Fine",
  ]) {
    const origin = await startOrigin(t, chunked(["one"], [evil, "X-Fine: 1"]));
    const { port } = await startSidecar(t, { upstream: origin.url });
    const client = await openWire(t, port);
    client.write("GET /x HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n");
    const answer = await client.readAnswer().catch((error: unknown) => error);
    // The parser does not let all of them through; then the answer is visibly broken.
    if (answer instanceof MessageError) assert.equal(await client.closed, "end", evil);
    else assert.deepEqual((answer as Answer).trailers, ["X-Fine: 1"], evil);
  }
});

test("trailers of a request, and a Trailer field without any, do no harm", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const { port } = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, port);
  const head =
    "POST /x HTTP/1.1\r\nHost: a\r\nTrailer: X-Check\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const end of ["0\r\nX-Check: 1\r\n\r\n", "0\r\n\r\n", "0\r\nHost: b\r\n\r\n"]) {
    client.write(`${head}3\r\nabc\r\n${end}`);
    assert.equal((await client.readAnswer()).body.toString(), "ok");
    const { body } = await (origin.arrivals.at(-1) ?? assert.fail()).whole;
    assert.equal(body.toString(), "abc");
  }
  client.write("POST /x HTTP/1.1\r\nHost: a\r\nTrailer: X-Check\r\nContent-Length: 3\r\n\r\nabc");
  assert.equal((await client.readAnswer()).body.toString(), "ok");
});

test("an upstream that sends Trailer beside Content-Length does no harm", async (t) => {
  const origin = await startOrigin(t, async (request) => {
    await request.whole;
    request.write(`${toHead("200 OK", ["Trailer: X-Check", "Content-Length: 3"])}abc`);
  });
  const { port } = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, port);
  for (let turn = 0; turn < 2; turn += 1) {
    client.write("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    assert.equal((await client.readAnswer()).body.toString(), "abc");
  }
});
