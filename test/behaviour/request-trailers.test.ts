// Symptom: a checksum or signature that a client sends after its chunks never arrived, and a backend that sends trailers on demand never
// got `TE: trailers`. Root cause: headgate read and dropped a request's trailers, and `Trailer` and `TE` with them.
// Fix: they are forwarded, except for those that would change how the request is read after it was read (RFC 9110 §6.5.1).
import assert from "node:assert/strict";
import test from "node:test";

import { chunked, text, toChunk, toHead } from "../support/responses.ts";
import { fieldValues } from "../support/message.ts";
import { type Origin, startOrigin } from "../support/origin.ts";
import { toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { type Wire, openWire } from "../support/wire.ts";

const CHUNKED = "Transfer-Encoding: chunked";

function toChunks(parts: readonly string[], trailers: readonly string[]): string {
  return `${parts.map(toChunk).join("")}${["0", ...trailers, "", ""].join("\r\n")}`;
}

async function send(origin: Origin, wire: Wire, lines: readonly string[], body: string) {
  const seen = origin.arrivals.length;
  wire.write(toRequest("POST /", [CHUNKED, ...lines], body));
  const arrival = await (await origin.arrival(seen)).completed;
  assert.equal((await wire.readResponse()).status, 200);
  return arrival;
}

test("a request's trailers reach the upstream in order, case and number, announced or not", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  const trailers = [
    "X-Sum: 1",
    "x-sum: 2",
    "Content-MD5: a",
    "Content-Digest: b",
    "Server-Timing: \xe9",
  ];
  for (const announced of [["Trailer: X-Sum, Content-Digest"], []]) {
    for (const parts of [["hello"], [], ["a", "b".repeat(100_000)]]) {
      const arrival = await send(origin, wire, announced, toChunks(parts, trailers));
      assert.equal(arrival.body.toString(), parts.join(""));
      assert.deepEqual(arrival.trailers, trailers);
      assert.deepEqual(
        arrival.lines.filter((line) => line.startsWith("Trailer")),
        announced,
      );
    }
  }
  assert.deepEqual((await send(origin, wire, [], toChunks(["x"], []))).trailers, [], "of this one");
  assert.equal(origin.connections.length, 1);
});

test("trailers that come long after the content, byte by byte, arrive as well", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("POST /", [CHUNKED], toChunk("hello")));
  const { completed } = await origin.arrival(0);
  for (const byte of toChunks([], ["X-Sum: 1"])) wire.write(byte);
  assert.deepEqual((await completed).trailers, ["X-Sum: 1"]);
  assert.equal((await wire.readResponse()).status, 200);
});

const DROPPED = {
  framing: ["Trailer: X", "TE: trailers", "Keep-Alive: x", "Proxy-Connection: x", "Upgrade: h2c"],
  routing: ["Host: evil", "Max-Forwards: 0"],
  "what is expected of the upstream": [
    "Expect: 100-continue",
    "Range: bytes=0-1",
    "If-Match: a",
    "If-None-Match: a",
    "If-Modified-Since: a",
    "If-Unmodified-Since: a",
    "If-Range: a",
    "Cache-Control: no-cache",
    "Pragma: no-cache",
  ],
  forwarding: [
    "X-Forwarded-For: 6.6.6.6",
    "x_forwarded_proto: https",
    "X-Forwarded-Anything: x",
    "Forwarded: for=6.6.6.6",
    "X-Real-IP: 6.6.6.6",
    "CF-Connecting-IP: 6.6.6.6",
  ],
  "the request's id": ["X-Request-Id: forged"],
  authentication: [
    "Authorization: Basic eDp5",
    "Proxy-Authorization: x",
    "proxy_authorization: x",
    "X-API-Key: x",
    "DPoP: x",
    "Signature: x",
  ],
  cookies: ["Cookie: a=b", "Set-Cookie: a=b", "Cookie2: x"],
  content: [
    "Content-Type: text/html",
    "Content-Encoding: gzip",
    "content-range: bytes 0-1/2",
    "Content_Type: x",
    "Content-Language: en",
    "Content-Disposition: inline",
  ],
  "another target or method": [
    "X-Original-URL: /admin",
    "X_Rewrite_URL: /admin",
    "X-HTTP-Method-Override: DELETE",
    "X-Host: b",
  ],
  "an upgrade": ["Sec-WebSocket-Key: x", "HTTP2-Settings: x"],
};
for (const [what, lines] of Object.entries(DROPPED)) {
  test(`trailers about ${what} are dropped, and the others pass`, async (t) => {
    const origin = await startOrigin(t, text("ok"));
    const sidecar = await startSidecar(t, { upstream: origin.url, yaml: "forwarded: off" });
    const wire = await openWire(t, sidecar.port);
    for (const line of lines) {
      const arrival = await send(origin, wire, [], toChunks(["a"], ["X-A: 1", line, "X-B: 2"]));
      assert.deepEqual(arrival.trailers, ["X-A: 1", "X-B: 2"], line);
      assert.deepEqual(fieldValues(arrival, "host"), ["a.example"]);
    }
  });
}

test("trailers that Connection names are not forwarded", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  const body = toChunks(["a"], ["X-Hop: 1", "X-End: 2"]);
  assert.deepEqual((await send(origin, wire, ["Connection: x-hop"], body)).trailers, ["X-End: 2"]);
});

for (const name of ["Content-Length", "transfer-encoding", "Connection"]) {
  test(`${name} in the trailers is 400, and the upstream never sees a complete request`, async (t) => {
    const origin = await startOrigin(t, text("ok"));
    const sidecar = await startSidecar(t, { upstream: origin.url });
    const wire = await openWire(t, sidecar.port);
    wire.write(toRequest("POST /", [CHUNKED], toChunks(["a"], [`${name}: 1`])));
    assert.equal((await wire.readResponse()).status, 400);
    for (const arrival of origin.arrivals) await assert.rejects(arrival.completed);
  });
}

test("Trailer is sent upstream with chunked content only: beside a length no trailers can come", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  const chunks = toChunks(["a"], []);
  const requests = [
    toRequest("POST /", ["Trailer: X-Sum", "Content-Length: 1"], "a"),
    toRequest("GET /", ["Trailer: X-Sum"]),
    toRequest("HEAD /", ["Trailer: X-Sum", CHUNKED], chunks),
  ];
  for (const request of requests) {
    const seen = origin.arrivals.length;
    wire.write(request);
    assert.equal((await wire.readResponse(request.split(" ")[0])).status, 200);
    assert.deepEqual(fieldValues(await origin.arrival(seen), "trailer"), []);
  }
});

test("TE: trailers reaches the upstream, named by Connection; its other members are not forwarded", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  const cases = [
    [["TE: trailers"], ["trailers"]],
    [["te: Trailers"], ["trailers"]],
    [["TE: gzip;q=0.5, trailers"], ["trailers"]],
    [["TE: gzip", "TE: trailers", "Connection: TE"], ["trailers"]],
    [["TE: gzip"], []],
    [["TE:"], []],
    [["Connection: TE"], []],
  ] as const;
  for (const [lines, expected] of cases) {
    const seen = origin.arrivals.length;
    wire.write(toRequest("GET /", lines));
    assert.equal((await wire.readResponse()).status, 200);
    const arrival = await origin.arrival(seen);
    assert.deepEqual(fieldValues(arrival, "te"), expected, lines.join());
    assert.deepEqual(fieldValues(arrival, "connection"), expected.length === 0 ? [] : ["TE"]);
  }
  assert.equal(origin.connections.length, 1);
});

test("if the connection ends as well, Connection has both in one line", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const yaml = `upstream: { url: "${origin.url}", keepAlive: 0s }`;
  const sidecar = await startSidecar(t, { yaml });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("GET /", ["TE: trailers"]));
  await wire.readResponse();
  assert.deepEqual(fieldValues(await origin.arrival(0), "connection"), ["TE, close"]);
});

test("a converted HEAD requests no trailers: its response has none", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("HEAD /", ["TE: trailers"]));
  assert.equal((await wire.readResponse("HEAD")).status, 200);
  assert.deepEqual(fieldValues(await origin.arrival(0), "te"), []);
});

// RFC 9110 §6.5.1: a client that did not send TE: trailers may not be able to handle them.
test("a client that did not send TE: trailers gets the content without them, and without Trailer", async (t) => {
  const origin = await startOrigin(t, async (request) => {
    await request.completed;
    request.write(toHead("200 OK", ["Trailer: X-Sum", CHUNKED]) + toChunks(["ok"], ["X-Sum: 1"]));
  });
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  const cases = [
    [["TE: trailers"], ["X-Sum"], ["X-Sum: 1"]],
    [["TE: gzip"], [], []],
    [[], [], []],
  ] as const;
  for (const [lines, announced, trailers] of cases) {
    wire.write(toRequest("GET /", lines));
    const answer = await wire.readResponse();
    assert.equal(answer.body.toString(), "ok");
    assert.deepEqual(fieldValues(answer, "trailer"), announced);
    assert.deepEqual(answer.trailers, trailers);
  }
  assert.equal(origin.connections.length, 1);
});

test("trailers of a response that its Connection field names are not forwarded", async (t) => {
  const origin = await startOrigin(t, async (request) => {
    await request.completed;
    request.write(toHead("200 OK", ["Connection: X-Hop", CHUNKED]));
    request.write(toChunks(["ok"], ["X-Hop: 1", "X-End: 2"]));
  });
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("GET /", ["TE: trailers"]));
  assert.deepEqual((await wire.readResponse()).trailers, ["X-End: 2"]);
});

test("content that is refused before its trailers come does not take them for a request", async (t) => {
  const origin = await startOrigin(t, chunked(["ok"]));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  for (const _ of [1, 2]) {
    wire.write(toRequest("OPTIONS *", [CHUNKED], toChunk("a")));
    assert.equal((await wire.readResponse()).status, 204);
    wire.write(toChunks([], ["X-Sum: 1"]));
  }
  wire.write(toRequest("GET /"));
  assert.equal((await wire.readResponse()).body.toString(), "ok");
});
