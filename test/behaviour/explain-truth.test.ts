// The output of `headgate explain` for a request, compared with what headgate does with the same bytes.

import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";

import {
  type Explained,
  type Forwarded,
  explainRequest,
} from "../../src/cli/explain/explanation.ts";
import type { Config } from "../../src/config/types.ts";
import { agreeing, text } from "../support/responses.ts";
import { startOrigin } from "../support/origin.ts";
import { startSidecar } from "../support/sidecar.ts";
import { type ReceivedResponse, openWire } from "../support/wire.ts";

const EMPTY_LINE = "\r\n\r\n";
const HOST = "Host: a.test";
const WEBSOCKET = ["Connection: Upgrade", "Upgrade: websocket"];
const CHUNKED = "Transfer-Encoding: chunked";
const CHUNKS = "2\r\nhi\r\n0\r\n\r\n";

/** The request line without its version, the fields, the content. */
type Sent = readonly [start: string, fields?: readonly string[], content?: string];

const FORWARDED: readonly Sent[] = [
  ["GET /"],
  ["GET /a?b=c&d"],
  ["GET /%61//b/../c?x=%20", ["Accept: a", "accept: b"]],
  ["GET /\xc3\xa9", ["X-Name: \xe9"]],
  ["GET http://other.test/a?b", ["X: 1"]],
  ["GET http://other.test?b"],
  ["HEAD http://other.test:81/a"],
  ["GET /", ["Accept:", "X-Empty:  "]],
  ["GET /", ["Connection: close"]],
  ["GET /", ["Connection: keep-alive", "Keep-Alive: timeout=5"]],
  ["GET /", ["Connection: close, X-Own", "X-Own: 1", "x-own: 2"]],
  ["GET /", ["Connection: Host, Content-Type", "Content-Type: a/b"]],
  ["GET /", ["Connection: X-Forwarded-For", "X-Forwarded-For: 192.0.2.1"]],
  ["GET /", ["Proxy-Connection: keep-alive", "Keep-Alive: 1"]],
  ["GET /", ["TE: trailers"]],
  ["GET /", ["TE: trailers, deflate", "Connection: TE"]],
  ["GET /", ["TE: gzip", "Connection: TE, close"]],
  ["GET /", ["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https"]],
  ["GET /", ["X_Forwarded_For: 192.0.2.1", "X-Real-IP: 192.0.2.1", "Forwarded: for=192.0.2.1"]],
  ["GET /", ["X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 192.0.2.2", "X-Forwarded-Host: b"]],
  ["GET /", ["X-Forwarded-For:"]],
  ["GET /", ["X-Request-Id: mine"]],
  ["GET /", ["X-Request-Id: not\tone"]],
  ["GET /", ["X-Request-Id: one", "X-Request-Id: two"]],
  ["GET /", ["Range: bytes=0-1", "If-Range: x"]],
  ["GET /", ["Expect: 100-continue"]],
  ["GET /", ["Trailer: X-Sum"]],
  ["GET /", ["Upgrade: websocket"]],
  ["GET /", ["Connection: Upgrade", "Upgrade: h2c", "HTTP2-Settings: a"]],
  ["GET /", ["Authorization: Basic YTpi", "Cookie: a=b", "Cookie: c=d"]],
  ["get /", ["Accept: a"]],
  ["head /"],
  ["PURGE /x"],
  ["DELETE /x"],
  ["GET /closed"],
  ["GET /closed", ["TE: trailers"]],
  ["POST /closed", ["Content-Length: 2"], "hi"],
  ["GET /elsewhere"],
  ["GET /", ["Content-Length: 2"], "hi"],
  ["POST /", ["Content-Length: 0"]],
  ["POST /", ["Content-Length: 0", "Expect: 100-continue"]],
  ["POST /", ["Content-Length: 2", "Expect: 100-continue"], "hi"],
  ["PUT /", ["Content-Length: 2", "Expect: 100-Continue", "Trailer: X"], "hi"],
  ["POST /", [CHUNKED], CHUNKS],
  ["POST /", [CHUNKED, "Trailer: X-Sum", "TE: trailers"], "2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n"],
  ["POST /", [CHUNKED, "Expect: 100-continue", "Connection: close"], CHUNKS],
  ["POST /", ["transfer-encoding: Chunked", "Content-Encoding: gzip"], CHUNKS],
  ["OPTIONS /"],
  ["OPTIONS /", ["Max-Forwards: 3"]],
  ["OPTIONS /", ["Max-Forwards: 9999999999"]],
  ["TRACE /", ["Max-Forwards: 1"]],
  ["TRACE /"],
  ["OPTIONS /reply", ["Origin: http://b", "Access-Control-Request-Method: PUT"]],
  ["HEAD /convert"],
  ["HEAD /convert", ["Range: bytes=0-1", "If-Range: x", "If-None-Match: x"]],
  ["HEAD /convert", ["Content-Length: 2", "Expect: 100-continue"], "hi"],
  ["HEAD /convert", [CHUNKED, "Trailer: X"], CHUNKS],
  ["HEAD /convert", ["TE: trailers"]],
  ["HEAD /convert", WEBSOCKET],
  ["HEAD /convert", ["Tus-Resumable: 1.0.0"]],
  ["HEAD /convert?X-Amz-Signature=a"],
  ["HEAD /convert", ["Authorization: AWS4-HMAC-SHA256 a"]],
  ["HEAD /convert", ["Connection: close, X-Own", "X-Own: 1"]],
  ["HEAD /unguarded?X-Amz-Signature=a", ["Tus-Resumable: 1.0.0"]],
  ["HEAD /auto"],
  ["HEAD /auto/1", ["Range: bytes=0-1", "TE: trailers", "X-HTTP-Method-Override: PUT"]],
  ["HEAD /pass", ["Range: bytes=0-1"]],
  ["HEAD /pass", ["Content-Length: 0"]],
  ["HEAD /observe", ["Connection: close"]],
  ["HEAD /probe"],
  ["HEAD /probe", ["Range: bytes=0-9"]],
  ["HEAD /probe", ["Accept-Encoding: gzip"]],
  ["HEAD /probe", ["Accept-Encoding: identity"]],
  ["HEAD /probe", ["Tus-Resumable: 1.0.0", "Range: bytes=0-1"]],
  ["HEAD /share/1"],
  ["HEAD /share/2", ["Cookie: a"]],
  ["HEAD /share/3", ["Content-Length: 2"], "hi"],
  ["HEAD /measure"],
  ["GET /reject"],
  ["GET /", WEBSOCKET],
  ["GET /", ["Connection: keep-alive, Upgrade, X-Own", "Upgrade: websocket", "X-Own: 1"]],
  ["GET /", ["Connection: upgrade", "Upgrade: a", "Upgrade: b"]],
  ["GET /", ["Connection: upgrade", "Upgrade: h2c, websocket"]],
  ["GET /", [...WEBSOCKET, "Content-Length: 0"]],
  ["POST /", [...WEBSOCKET, "Content-Length: 0", "Expect: 100-continue"]],
  ["POST /", [...WEBSOCKET, "Content-Length: 2"], "hi"],
  ["POST /", [...WEBSOCKET, CHUNKED, "TE: trailers"], CHUNKS],
  ["OPTIONS /", [...WEBSOCKET, "Max-Forwards: 3"]],
  ["GET /closed", WEBSOCKET],
];

/** Most have two faults: explain must name the one that headgate sees first. */
const RESPONDED: readonly Sent[] = [
  ["OPTIONS *"],
  ["OPTIONS http://a.test"],
  ["OPTIONS /", ["Max-Forwards: 0"]],
  ["OPTIONS /", [...WEBSOCKET, "Max-Forwards: 0"]],
  ["OPTIONS /reply", ["Max-Forwards: 0"]],
  ["OPTIONS /reply"],
  ["OPTIONS /reply", WEBSOCKET],
  ["TRACE /", ["Max-Forwards: 0"]],
  ["HEAD /reject"],
  ["HEAD /reject", WEBSOCKET],
  ["HEAD /reject", ["Tus-Resumable: 1.0.0"]],
  ["GET *"],
  ["GET /a#b"],
  ["GET ftp://a.test/"],
  ["GET http://u:p@a.test/"],
  ["GET /", [HOST, "Host: b.test"]],
  ["GET /", ["Content-Length: 1", CHUNKED]],
  ["GET /", ["Content-Length: 1", "Content-Length: 1"]],
  ["GET /", ["Content-Length: -1"]],
  ["POST /", ["Transfer-Encoding: gzip"]],
  ["POST /", ["Transfer-Encoding: chunked, gzip"]],
  ["POST /", ["Content-Length: 2", "Expect: 200-ok"], "hi"],
  ["GET /", ["Expect: 200-ok"]],
  ["CONNECT a.test:443"],
  ["CONNECT a.test:443", ["Transfer-Encoding: gzip"]],
  ["CONNECT a.test:443", ["Content-Length: 1", "Content-Length: 1"]],
  ["CONNECT /", ["Expect: 200-ok", HOST, "Host: b.test"]],
  ["CONNECT /", Array.from({ length: 30 }, (_, index) => `X-${index}: 1`)],
  ["PRI *", ["Transfer-Encoding: gzip"]],
  [`${"X".repeat(65)} /`],
  [`${"X".repeat(65)} /`, ["no colon"]],
  [`${"X".repeat(64)} /#`],
  ["GET /", Array.from({ length: 20 }, (_, index) => `X-${index}: 1`)],
  ["GET /#", Array.from({ length: 30 }, (_, index) => `X-${index}: 1`)],
  ["POST /", ["Transfer-Encoding: gzip", ...Array.from({ length: 30 }, () => "X: 1")]],
  ["GET /", [`X: ${"x".repeat(5000)}`]],
  [`GET /${"x".repeat(5000)}`],
  [`GET /${"x".repeat(5000)}#`, ["Transfer-Encoding: gzip"]],
  ["GET /", ["Transfer-Encoding: gzip", `X: ${"x".repeat(5000)}`]],
  ["GET /", ["no colon", `X: ${"x".repeat(5000)}`]],
  ["GET /#", ["Expect: 200-ok"]],
  ["GET /", ["Expect: 200-ok", HOST, "Host: b.test"]],
  ["GET /#", [HOST, "Host: b.test"]],
  ["HEAD /reject#", [HOST, "Host: b.test"]],
  ["GET /", ["A : b"]],
  ["GET /", [" folded"]],
  ["GET /a b"],
];

const ROUTES = `limits: { headerBytes: 4KiB, headerCount: 20 }
head: { allow: repair }
routes:
  - { path: /unguarded, head: { guards: [] } }
  - { path: /auto/*, head: auto }
  - { path: /pass, head: pass }
  - { path: /observe, head: observe }
  - { path: /reject, head: reject }
  - { path: /probe, head: { range: probe } }
  - { path: /measure, head: { contentLength: measure } }
  - { path: /share/*, head: { share: 1m } }
  - { path: /reply, options: reply }
`;

const SETTINGS: readonly (readonly [name: string, yaml: string])[] = [
  ["the defaults", ""],
  ["forwarded.trust: [] and requestId: forward", "forwarded: { trust: [] }\nrequestId: forward\n"],
  ["forwarded: off", "forwarded: off\n"],
];

// Symptom: explain listed the client's Connection, TE or Transfer-Encoding among the fields that the upstream does not get, although it got
// a field of that name.
// Root cause: the connection's own fields were left out of the comparison, except for those of an upgrade.
// Fix: headgate's own connection fields are compared as well.
for (const [settings, yaml] of SETTINGS) {
  test(`the upstream gets the request that explain shows, with ${settings}`, async (t) => {
    const origin = await startOrigin(t, agreeing(text("x")));
    const routes = `${ROUTES}  - { path: /closed, upstream: closed }
  - { path: /elsewhere, upstream: elsewhere }
upstreams:
  closed: { url: "${origin.url}", keepAlive: 0s }
  elsewhere: { url: "${origin.url}", host: upstream }
${yaml}`;
    const { config, port } = await startSidecar(t, { upstream: origin.url, yaml: routes });
    for (const sent of FORWARDED) {
      const arrived = origin.arrivals.length;
      const answer = await send(t, port, sent);
      const { forwarded } = explain(config, sent);
      const told = JSON.stringify(sent);
      assert.ok(answer.status < 300, `${told}: ${answer.status}`);
      assert.equal(origin.arrivals.length, arrived + 1, told);
      const { start, lines } = await origin.arrival(arrived);
      assert.deepEqual(forwarded && toLines(forwarded), [start, ...lines.map(toComparable)], told);
      const names = new Set(lines.map((line) => line.slice(0, line.indexOf(":")).toLowerCase()));
      for (const { name, reason } of forwarded?.dropped ?? [])
        // headgate's own field of that name is there, with a note.
        if (!reason.startsWith("Connection lists it"))
          assert.ok(!names.has(name.toLowerCase()), `${told}: ${name} goes up`);
    }
  });
}

// Symptom: explain printed 501 for a CONNECT with two framings, which gets 400, and forwarded a header section of any size.
// Root cause: it had checks of its own before checkRequest, in its own order.
// Fix: it gives the bytes to the parser of the client's connection, and takes the same steps after it.
test("headgate responds as explain says, and for the same reason", async (t) => {
  const origin = await startOrigin(t, text("x"));
  const { config, port } = await startSidecar(t, { upstream: origin.url, yaml: ROUTES });
  for (const sent of RESPONDED) {
    const { status, body } = await send(t, port, sent);
    const { response, forwarded } = explain(config, sent);
    const told = JSON.stringify(sent).slice(0, 200);
    assert.equal(forwarded, undefined, told);
    assert.equal(response?.status, status, told);
    if (status < 400 || body.length === 0) continue;
    assert.equal(response?.reason, JSON.parse(body.toString()).title, told);
  }
  assert.equal(origin.arrivals.length, 0);
});

/** The start line and the field lines. */
function toLines({ method, target, fields }: Forwarded): readonly string[] {
  const lines = fields.map(({ name, value }) => toComparable(`${name}: ${value}`));
  return [`${method} ${target} HTTP/1.1`, ...lines];
}

function toSection([start, lines = []]: Sent): string {
  const host = /^host:/im.test(lines.join("\n")) ? [] : [HOST];
  return [`${start} HTTP/1.1`, ...host, ...lines].join("\r\n") + EMPTY_LINE;
}

async function send(t: TestContext, port: number, sent: Sent): Promise<ReceivedResponse> {
  const wire = await openWire(t, port);
  wire.write(toSection(sent) + (sent[2] ?? ""));
  const method = sent[0].slice(0, sent[0].indexOf(" "));
  let answer = await wire.readResponse(method.toUpperCase());
  while (answer.status < 200) answer = await wire.readResponse(method.toUpperCase());
  wire.socket.destroy();
  return answer;
}

function explain(config: Config, sent: Sent): Explained {
  return explainRequest(config, toSection(sent), "127.0.0.1");
}

/** An id is new each time. */
function toComparable(line: string): string {
  return line.replace(/^(X-Request-Id): (?!mine|one|not).*/, "$1: new");
}
