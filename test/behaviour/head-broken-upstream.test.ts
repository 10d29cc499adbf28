import assert from "node:assert/strict";
import test from "node:test";
import { text, toChunk, toHead } from "../support/responses.ts";
import { type Arrival, startOrigin } from "../support/origin.ts";
import { toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

const CHUNKED = toHead("200 OK", ["Transfer-Encoding: chunked"]);
const STRAY = `${toHead("200 OK", ["Content-Length: 5", "X-Stray: 1"])}STRAY`;

const ENDINGS: Record<string, (request: Arrival) => void> = {
  "resets in a body of known length": (request) => {
    request.write(`${toHead("200 OK", ["Content-Length: 100"])}part`);
    request.reset();
  },
  "closes in a body of known length": (request) => {
    request.write(`${toHead("200 OK", ["Content-Length: 100"])}part`);
    request.end();
  },
  "closes in a chunk": (request) => {
    request.write(`${CHUNKED}ff\r\npart`);
    request.end();
  },
  "closes after its header section": (request) => {
    request.write(CHUNKED);
    request.end();
  },
  "sends a chunk that is none": (request) => request.write(`${CHUNKED}nonsense\r\n`),
  "sends more than it announced": (request) =>
    request.write(`${toHead("200 OK", ["Content-Length: 2"])}okSTRAY`),
  "sends more than it announced, and it looks like an answer": (request) =>
    request.write(`${toHead("200 OK", ["Content-Length: 2"])}ok${STRAY}`),
  "sends an answer behind its last chunk": (request) =>
    request.write(`${CHUNKED}${toChunk("ok")}0\r\n\r\n${STRAY}`),
  "sends a body with a 204": (request) =>
    request.write(`${toHead("204 No Content", ["Content-Length: 5"])}STRAY`),
  "sends a body with a 304": (request) =>
    request.write(`${toHead("304 Not Modified", ["Content-Length: 5"])}STRAY`),
  "sends an answer behind a 304": (request) =>
    request.write(`${toHead("304 Not Modified", ["ETag: a"])}${STRAY}`),
  "announces a trailer and sends it": (request) =>
    request.write(
      `${toHead("200 OK", ["Trailer: X-Sum", "Transfer-Encoding: chunked"])}${toChunk("ok")}0\r\nX-Sum: 1\r\n\r\n`,
    ),
  "announces a trailer beside Content-Length": (request) =>
    request.write(`${toHead("200 OK", ["Trailer: X-Sum", "Content-Length: 2"])}ok`),
  "sends a trailer that frames": (request) =>
    request.write(
      `${CHUNKED}${toChunk("ok")}0\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n`,
    ),
};

for (const [ending, answer] of Object.entries(ENDINGS)) {
  for (const version of ["1.1", "1.0"]) {
    test(`the response to a HEAD over HTTP/${version} stands if the upstream ${ending}, and no other client gets its bytes`, async (t) => {
      const origin = await startOrigin(t, async (request) => {
        await request.completed;
        if (request.target === "/broken") answer(request);
        else await text("ok")(request);
      });
      const sidecar = await startSidecar(t, {
        yaml: `upstream: { url: "${origin.url}", maxConnections: 1 }`,
      });
      const wire = await openWire(t, sidecar.port);
      // Two at once for the one upstream connection: the second waits for it and takes it as soon as it is free.
      const other = await openWire(t, sidecar.port);
      wire.write(toRequest(`HEAD /broken HTTP/${version}`, ["Connection: keep-alive"]));
      other.write(toRequest("GET /other"));
      const broken = await wire.readResponse("HEAD");
      assert.ok([200, 204, 304].includes(broken.status), broken.start);
      assert.equal((await other.readResponse()).body.toString(), "ok");
      // An HTTP/1.0 client whose response has no length sees its connection closed; it uses another one.
      const last = version === "1.1" ? wire : await openWire(t, sidecar.port);
      last.write(toRequest("GET /next", ["Connection: close"]));
      const next = await last.readResponse();
      assert.equal(next.body.toString(), "ok");
      assert.deepEqual(
        next.lines.filter((line) => line.startsWith("X-Stray")),
        [],
      );
      assert.equal((await last.bytes.takeAll()).length, 0);
      wire.halfClose();
      assert.equal((await wire.bytes.takeAll()).length, 0);
      other.halfClose();
      assert.equal((await other.bytes.takeAll()).length, 0);
    });
  }
}

test("a connection whose upstream sent bytes while it was idle is not reused", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("HEAD /"));
  await wire.readResponse("HEAD");
  const first = await origin.connection(0);
  first.socket.write(STRAY);
  await first.closed;
  wire.write(toRequest("GET /next"));
  assert.equal((await wire.readResponse()).body.toString(), "ok");
  assert.equal(origin.connections.length, 2);
});
