import assert from "node:assert/strict";
import { createServer } from "node:net";
import test from "node:test";
import { text, toHead } from "../support/responses.ts";
import { MEBIBYTE, pour } from "../support/flood.ts";
import { listenOn } from "../support/listen.ts";
import { startOrigin } from "../support/origin.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

const TOO_LARGE = `${toHead("413 Content Too Large", ["Content-Length: 9"])}too large`;

test("a 413 that comes before the upload ended reaches the client, whose connection stays usable", async (t) => {
  for (const ending of ["keep-alive", "close", "reset"] as const) {
    const origin = await startOrigin(t, async (request) => {
      if (request.method === "GET") return text("ok")(request);
      request.write(TOO_LARGE);
      if (ending === "close") request.end();
    });
    const { port } = await startSidecar(t, { upstream: origin.url });
    const client = await openWire(t, port);
    client.write("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc");
    if (ending === "reset")
      void origin
        .arrival(0)
        .then((request) => setImmediate(() => request.connection.socket.destroySoon()));
    const answer = await client.readResponse();
    assert.equal(answer.status, 413);
    assert.equal(answer.body.toString(), "too large");

    client.write("x".repeat(100_000 - 3));
    client.write("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    assert.equal((await client.readResponse()).body.toString(), "ok", ending);
    const next = origin.arrivals.at(-1) ?? assert.fail();
    assert.notEqual(
      next.connection.number,
      1,
      "the half-used upstream connection is not used again",
    );
  }
});

test("a 413 reaches a client that reads only after its full upload", async (t) => {
  // As a server does that will not read megabytes: respond, close, and reset what still comes.
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => {
      socket.pause();
      socket.end(TOO_LARGE, () => socket.destroy());
    });
  });
  const upstreamPort = await listenOn(t, server);

  const { port } = await startSidecar(t, { upstream: `http://127.0.0.1:${upstreamPort}` });
  const client = await openWire(t, port);
  client.pause();
  client.write(`POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: ${16 * MEBIBYTE}\r\n\r\n`);
  await pour(client.socket, 16 * MEBIBYTE);
  client.resume();
  const answer = await client.readResponse();
  // The upstream's reset may overtake its own response in the kernel; then headgate can only pass on the failure.
  assert.ok([413, 502].includes(answer.status), String(answer.status));
});

test("after an early response without the end of the upload the upstream connection is not reused", async (t) => {
  const origin = await startOrigin(t, (request) => {
    request.write(TOO_LARGE);
  });
  const { port } = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, port);
  client.write("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  assert.equal((await client.readResponse()).status, 413);
  const { connection } = await origin.arrival(0);
  await connection.closed;
});
