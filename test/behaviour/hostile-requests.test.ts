import assert from "node:assert/strict";
import { once } from "node:events";
import test from "node:test";
import { text } from "../support/responses.ts";
import { fieldValues, MessageError } from "../support/message.ts";
import { startOrigin } from "../support/origin.ts";
import { toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

const HOST = "Host: a.example\r\n";
const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n";

/** Complete requests, the status that each is refused with, and a title. After each of them a second request is smuggled. */
const REFUSED: readonly (readonly [what: string, status: number, bytes: string])[] = [
  ["no Host", 400, "GET / HTTP/1.1\r\n\r\n"],
  ["an empty Host", 400, "GET / HTTP/1.1\r\nHost:\r\n\r\n"],
  ["two Hosts", 400, `GET / HTTP/1.1\r\n${HOST}Host: b.example\r\n\r\n`],
  ["the same Host twice", 400, `GET / HTTP/1.1\r\n${HOST}${HOST}\r\n`],
  ["two Hosts in HTTP/1.0", 400, `GET / HTTP/1.0\r\n${HOST}Host: b.example\r\n\r\n`],
  ["a list in Host", 400, "GET / HTTP/1.1\r\nHost: a.example, b.example\r\n\r\n"],
  ["a list in Host without spaces", 400, "GET / HTTP/1.1\r\nHost: a.example,b.example\r\n\r\n"],
  ["userinfo in Host", 400, "GET / HTTP/1.1\r\nHost: u@a.example\r\n\r\n"],
  ["a path in Host", 400, "GET / HTTP/1.1\r\nHost: a.example/x\r\n\r\n"],
  ["a space in Host", 400, "GET / HTTP/1.1\r\nHost: a example\r\n\r\n"],
  ["a URL in Host", 400, "GET / HTTP/1.1\r\nHost: http://a.example\r\n\r\n"],
  ["a port of letters in Host", 400, "GET / HTTP/1.1\r\nHost: a.example:http\r\n\r\n"],
  ["a port above 65535 in Host", 400, "GET / HTTP/1.1\r\nHost: a.example:65536\r\n\r\n"],
  [
    "a bad Host beside an absolute-form",
    400,
    "GET http://a.example/ HTTP/1.1\r\nHost: b.example, c\r\n\r\n",
  ],
  ["no Host beside an absolute-form", 400, "GET http://a.example/ HTTP/1.1\r\n\r\n"],
  ["GET *", 400, `GET * HTTP/1.1\r\n${HOST}\r\n`],
  ["HEAD *", 400, `HEAD * HTTP/1.1\r\n${HOST}\r\n`],
  ["a fragment", 400, `GET /a#b HTTP/1.1\r\n${HOST}\r\n`],
  [
    "Transfer-Encoding: gzip, chunked",
    501,
    `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  ],
  [
    "chunked twice",
    400,
    `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`,
  ],
  [
    "chunked in two fields",
    400,
    `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  [
    "identity before chunked in two fields",
    501,
    `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  [
    "HTTP/1.0 with chunked",
    400,
    `POST / HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  [
    "HTTP/1.0 keep-alive with chunked",
    400,
    `POST / HTTP/1.0\r\n${HOST}Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  [
    "Transfer-Encoding and Content-Length",
    400,
    `POST / HTTP/1.1\r\n${HOST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  [
    "chunked last but misspelt",
    501,
    `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: xchunked\r\n\r\n`,
  ],
  ["chunked not last", 400, `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked, gzip\r\n\r\n`],
  [
    "Transfer-Encoding: identity",
    501,
    `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: identity\r\n\r\n`,
  ],
  ["an empty Transfer-Encoding", 400, `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding:\r\n\r\n`],
  [
    "chunked after a vertical tab",
    400,
    `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: \x0bchunked\r\n\r\n`,
  ],
  ["chunked in quotes", 501, `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: "chunked"\r\n\r\n`],
  [
    "two Content-Lengths",
    400,
    `POST / HTTP/1.1\r\n${HOST}Content-Length: 0\r\nContent-Length: 5\r\n\r\n`,
  ],
  [
    "the same Content-Length twice",
    400,
    `POST / HTTP/1.1\r\n${HOST}Content-Length: 0\r\nContent-Length: 0\r\n\r\n`,
  ],
  ["a list in Content-Length", 400, `POST / HTTP/1.1\r\n${HOST}Content-Length: 0, 0\r\n\r\n`],
  ["a signed Content-Length", 400, `POST / HTTP/1.1\r\n${HOST}Content-Length: +0\r\n\r\n`],
  ["a hexadecimal Content-Length", 400, `POST / HTTP/1.1\r\n${HOST}Content-Length: 0x0\r\n\r\n`],
  ["an empty Content-Length", 400, `POST / HTTP/1.1\r\n${HOST}Content-Length:\r\n\r\n`],
  [
    "a Content-Length beyond 64 bits",
    400,
    `POST / HTTP/1.1\r\n${HOST}Content-Length: 18446744073709551616\r\n\r\n`,
  ],
  ["obs-fold", 400, `GET / HTTP/1.1\r\n${HOST}X-A: a\r\n b\r\n\r\n`],
  ["a space before the colon", 400, `GET / HTTP/1.1\r\n${HOST}X-A : a\r\n\r\n`],
  ["a space before the first field", 400, `GET / HTTP/1.1\r\n ${HOST}\r\n`],
  ["a field without a name", 400, `GET / HTTP/1.1\r\n${HOST}: a\r\n\r\n`],
  ["a field without a colon", 400, `GET / HTTP/1.1\r\n${HOST}X-A\r\n\r\n`],
  ["a NUL in a field", 400, `GET / HTTP/1.1\r\n${HOST}X-A: a\0b\r\n\r\n`],
  ["a control character in a field", 400, `GET / HTTP/1.1\r\n${HOST}X-A: a\x01b\r\n\r\n`],
  ["DEL in a field", 400, `GET / HTTP/1.1\r\n${HOST}X-A: a\x7fb\r\n\r\n`],
  ["a tab before the colon", 400, `GET / HTTP/1.1\r\n${HOST}X-A\t: a\r\n\r\n`],
  ["a NUL in the target", 400, `GET /a\0b HTTP/1.1\r\n${HOST}\r\n`],
  ["an escape sequence in the target", 400, `GET /a\x1b[2J HTTP/1.1\r\n${HOST}\r\n`],
  ["a bare CR in a field", 400, `GET / HTTP/1.1\r\n${HOST}X-A: a\rX-B: b\r\n\r\n`],
  ["bare LFs", 400, "GET / HTTP/1.1\nHost: a.example\n\n"],
  ["a method that is too long", 501, `${"X".repeat(65)} / HTTP/1.1\r\n${HOST}\r\n`],
  ["a method that is no token", 400, `GE(T / HTTP/1.1\r\n${HOST}\r\n`],
  ["PRI, which begins HTTP/2", 400, `PRI / HTTP/1.1\r\n${HOST}\r\n`],
  ["HTTP/0.9", 505, "GET /\r\n\r\n"],
  ["HTTP/2.0", 400, `GET / HTTP/2.0\r\n${HOST}\r\n`],
  ["HTTP/2's preface", 400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["HTTP/1.2", 400, `GET / HTTP/1.2\r\n${HOST}\r\n`],
  ["a TLS handshake", 400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
];

for (const [what, status, bytes] of REFUSED) {
  test(`${what} is refused with ${status}, and neither it nor what follows reaches the upstream`, async (t) => {
    const origin = await startOrigin(t, text("ok"));
    const sidecar = await startSidecar(t, { upstream: origin.url });
    const wire = await openWire(t, sidecar.port);
    wire.write(bytes + SMUGGLED);
    const answer = await wire.readResponse(bytes.startsWith("HEAD") ? "HEAD" : "GET");
    // It does not matter which of the two notices first: the request is refused.
    const isRefused =
      status === answer.status ||
      (status === 505 && answer.status === 400) ||
      (status === 400 && answer.status === 505);
    assert.ok(isRefused, answer.start);
    assert.deepEqual(fieldValues(answer, "connection"), ["close"]);
    assert.deepEqual(fieldValues(answer, "content-type"), ["application/problem+json"]);
    const [proxyStatus = ""] = fieldValues(answer, "proxy-status");
    assert.match(proxyStatus, /^headgate; error=http_request_error(?:$|; details=)/);
    wire.halfClose();
    assert.equal((await wire.bytes.takeAll()).length, 0);
    assert.equal(origin.connections.length, 0);
  });
}

/** Content that is truncated or breaks its framing after a valid header section. */
const BROKEN_CONTENT: Record<string, string> = {
  "a chunk size that is none": "5\r\nhello\r\nzz\r\n",
  "a chunk size with a sign": "5\r\nhello\r\n+1\r\na\r\n0\r\n\r\n",
  "a chunk size with an underscore": "5\r\nhello\r\n1_0\r\na\r\n0\r\n\r\n",
  "a chunk size with 0x": "5\r\nhello\r\n0x1\r\na\r\n0\r\n\r\n",
  "a chunk longer than it says": "5\r\nhello world\r\n0\r\n\r\n",
  "a chunk size beyond 64 bits": "5\r\nhello\r\n10000000000000000\r\na\r\n0\r\n\r\n",
  "a bare LF behind a chunk size": "5\r\nhello\r\n1\na\r\n0\r\n\r\n",
  "framing in its trailers": "5\r\nhello\r\n0\r\nContent-Length: 9\r\nTransfer-Encoding: x\r\n\r\n",
  "a chunk without its line end": "5\r\nhello0\r\n\r\n",
};
for (const [what, chunks] of Object.entries(BROKEN_CONTENT)) {
  test(`content with ${what} never ends properly for the upstream, and is no second request`, async (t) => {
    const origin = await startOrigin(t, text("ok"));
    const sidecar = await startSidecar(t, { upstream: origin.url });
    const wire = await openWire(t, sidecar.port);
    wire.write(toRequest("POST /", ["Transfer-Encoding: chunked"], chunks + SMUGGLED));
    assert.equal((await wire.readResponse()).status, 400);
    wire.halfClose();
    assert.equal((await wire.bytes.takeAll()).length, 0);
    for (const arrival of origin.arrivals) {
      assert.equal(arrival.target, "/");
      await assert.rejects(arrival.completed, MessageError);
    }
  });
}

const HARMLESS = {
  "a GET with content": toRequest("GET /", ["Content-Length: 41"], SMUGGLED.slice(0, 41)),
  "a DELETE with chunks": toRequest(
    "DELETE /",
    ["Transfer-Encoding: chunked"],
    `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`,
  ),
  "an OPTIONS with chunks": toRequest(
    "OPTIONS /",
    ["Transfer-Encoding: chunked"],
    `${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`,
  ),
  "a TRACE with content": toRequest("TRACE /", ["Content-Length: 41"], SMUGGLED.slice(0, 41)),
  "a Trailer field without chunks": toRequest(
    "POST /",
    ["Trailer: X-A", "Content-Length: 2"],
    "ok",
  ),
  "a trailer that routes": toRequest(
    "POST /",
    ["Trailer: Host", "Transfer-Encoding: chunked"],
    "2\r\nok\r\n0\r\nHost: evil\r\nX-A: b\r\n\r\n",
  ),
  "chunk extensions": toRequest(
    "POST /",
    ["Transfer-Encoding: chunked"],
    '2;a=b;c="d"\r\nok\r\n0;e\r\n\r\n',
  ),
  "CHUNKED in capitals": toRequest(
    "POST /",
    ["Transfer-Encoding: CHUNKED"],
    "2\r\nok\r\n0\r\n\r\n",
  ),
  "names of Object's prototype": toRequest("GET /", [
    "__proto__: a",
    "constructor: b",
    "toString: c",
    "hasOwnProperty: d",
  ]),
  "empty lines before it": `\r\n\r\n${toRequest("GET /")}`,
};
for (const [what, bytes] of Object.entries(HARMLESS)) {
  test(`${what} is one request for the upstream too, and the next one is in step`, async (t) => {
    const origin = await startOrigin(t, text("ok"));
    const sidecar = await startSidecar(t, { upstream: origin.url });
    const wire = await openWire(t, sidecar.port);
    wire.write(bytes + toRequest("GET /next"));
    assert.equal((await wire.readResponse()).body.toString(), "ok");
    assert.equal((await wire.readResponse()).body.toString(), "ok");
    assert.deepEqual(
      origin.arrivals.map(({ target }) => target),
      ["/", "/next"],
    );
    for (const arrival of origin.arrivals) {
      await arrival.completed;
      assert.deepEqual(fieldValues(arrival, "host"), ["a.example"]);
    }
  });
}

test("a client that reads only after its upload still gets the refusal", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const body = "x".repeat(20 * 1024 ** 2);
  const wire = await openWire(t, sidecar.port);
  wire.pause();
  wire.write(toRequest("POST /", ["Host: a, b", `Content-Length: ${body.length}`], body));
  await once(wire.socket, "drain");
  wire.resume();
  assert.equal((await wire.readResponse()).status, 400);
  assert.equal(await wire.closed, "end");
  assert.equal(origin.connections.length, 0);
});

test("bytes after a request with Connection: close are not processed", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  for (const request of [
    toRequest("GET /", ["Connection: close"]),
    toRequest("GET / HTTP/1.0"),
    toRequest("HEAD /", ["Connection: close"]),
  ]) {
    const seen = origin.arrivals.length;
    const wire = await openWire(t, sidecar.port);
    wire.write(request + SMUGGLED);
    assert.equal(
      (await wire.readResponse(request.startsWith("HEAD") ? "HEAD" : "GET")).status,
      200,
    );
    assert.equal((await wire.bytes.takeAll()).length, 0);
    assert.deepEqual(
      origin.arrivals.slice(seen).map(({ target }) => target),
      ["/"],
    );
  }
});
