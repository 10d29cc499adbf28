// Credentials, cookies and queries pass through, and stay nowhere: not in the log, not in an error, not on the admin port.

import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";

import { toHead } from "../support/answers.ts";
import { startOrigin } from "../support/origin.ts";
import { ask, toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

const SECRET = /s3cret/;
const CREDENTIALS = [
  "Authorization: Bearer s3cret",
  "Cookie: session=s3cret",
  "Proxy-Authorization: Basic s3cret",
  "X-Api-Key: s3cret",
  "Referer: http://a.example/?token=s3cret",
];
const UPGRADE = ["Connection: Upgrade", "Upgrade: websocket"];

/** Every kind of end: served, refused here, failed at the upstream, and no request at all. */
const REQUESTS: readonly string[] = [
  toRequest("GET /ok?token=s3cret", CREDENTIALS),
  toRequest("HEAD /ok?token=s3cret#s3cret", CREDENTIALS),
  toRequest("HEAD /ok?token=s3cret", CREDENTIALS),
  toRequest("GET http://user:s3cret@a.example/?token=s3cret", CREDENTIALS),
  toRequest("GET /broken?token=s3cret", CREDENTIALS),
  toRequest("GET /closed?token=s3cret", CREDENTIALS),
  toRequest("GET /status?token=s3cret", CREDENTIALS),
  toRequest("GET /ok?token=s3cret", ["Host: a, b", ...CREDENTIALS]),
  toRequest("POST /ok?token=s3cret", ["Transfer-Encoding: gzip, chunked", ...CREDENTIALS]),
  toRequest("GET /closed?token=s3cret", [...UPGRADE, ...CREDENTIALS]),
  toRequest("GET /broken?token=s3cret", [...UPGRADE, ...CREDENTIALS]),
  toRequest("TRACE /ok?", ["Max-Forwards: 0", ...CREDENTIALS.slice(0, 4)]),
  `GET /ok?token=s3cret HTTP/1.1\r\nAuthorization : s3cret\r\n\r\n`,
  `{s3cret} /?token=s3cret HTTP/1.1\r\nCookie: s3cret\r\n\r\n`,
];

test("secrets of requests and answers are in no log line, no error answer and on no page of the admin port", async (t) => {
  const { sidecar, answers } = await send(t, "");
  for (const answer of answers) assert.doesNotMatch(answer, SECRET);
  await sidecar.line((line) => line["http.request.method"] === "TRACE");
  await sidecar.stop();
  assert.ok(sidecar.lines.length >= REQUESTS.length);
  assert.doesNotMatch(JSON.stringify(sidecar.lines), SECRET);
});

test("with log.query: true the query is logged, and nothing else of it", async (t) => {
  const { sidecar } = await send(t, "log: { access: all, query: true }");
  await sidecar.stop();
  const others = sidecar.lines.map(({ "url.query": _query, ...rest }) => rest);
  assert.match(JSON.stringify(sidecar.lines), SECRET);
  assert.doesNotMatch(JSON.stringify(others), SECRET);
});

async function send(t: TestContext, yaml: string) {
  const origin = await startOrigin(t, async (request) => {
    await request.whole;
    const path = request.target.split("?", 1)[0];
    if (path === "/closed") return request.end();
    if (path === "/broken")
      return request.write("HTTP/1.1 200 OK\r\nSet-Cookie : s3cret\r\nX s3cret: s3cret\r\n\r\n");
    const status = path === "/status" ? "500 Oops" : "200 OK";
    request.write(toHead(status, ["Set-Cookie: session=s3cret", "Content-Length: 0"]));
  });
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml, expectsErrors: true });
  const answers: string[] = [];
  for (const request of REQUESTS) {
    const wire = await openWire(t, sidecar.port);
    wire.write(request);
    const answer = await wire.readAnswer(request.slice(0, request.indexOf(" ")));
    // The upstream's own Set-Cookie is the client's to have.
    const lines = answer.lines.filter((line) => !line.startsWith("Set-Cookie: session="));
    answers.push([answer.start, ...lines, answer.body.toString("latin1")].join("\n"));
    wire.socket.destroy();
  }
  for (const path of ["/", "/status.json", "/metrics"]) {
    const page = await ask(t, sidecar.adminPort, toRequest(`GET ${path}`));
    answers.push(page.body.toString());
  }
  const events = await openWire(t, sidecar.adminPort);
  events.write(toRequest("GET /events"));
  answers.push((await events.bytes.take("\n\n")).toString());
  return { sidecar, answers };
}
