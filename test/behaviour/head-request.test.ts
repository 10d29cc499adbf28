import assert from "node:assert/strict";
import test from "node:test";
import { text } from "../support/responses.ts";
import { fieldValues } from "../support/message.ts";
import { startOrigin } from "../support/origin.ts";
import { sendRequest, toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";
import { testOverVersions } from "../support/versions.ts";

testOverVersions(
  "a HEAD reaches the upstream as GET, its target byte for byte",
  async (t, over) => {
    const origin = await startOrigin(t, text("ok"));
    const sidecar = await over.startSidecar(t, { upstream: origin.url });
    for (const target of [
      "/x?y",
      "/",
      "//a",
      "/a/../b/./c",
      "/%2e%2E%00",
      '/{x}|^`"<>?a=b?c&&',
      "/a\\b",
      "/?",
    ]) {
      const seen = origin.arrivals.length;
      const answer = await over.sendRequest(t, sidecar.port, toRequest(`HEAD ${target}`));
      assert.equal(answer.status, 200, target);
      assert.equal((await origin.arrival(seen)).start, `GET ${target} HTTP/1.1`);
    }
  },
);

test("the GET carries the HEAD's end-to-end fields in order, case and number", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml: "forwarded: off" });
  const sent = [
    "aCCept: */*",
    'If-None-Match: "a"',
    "X-B: 1",
    "Cookie: a=1",
    "x-b: 2",
    "cookie: b=é",
    "X-Empty:",
    "If-Modified-Since: Sat, 29 Oct 1994 19:43:31 GMT",
  ];
  await sendRequest(t, sidecar.port, toRequest("HEAD /x", sent));
  const { lines } = await origin.arrival(0);
  const seen = lines
    .filter((line) => !/^(?:host|connection):/i.test(line))
    .map((line) => line.trim());
  assert.deepEqual(seen, sent);
  assert.deepEqual(fieldValues({ lines }, "host"), ["a.example"]);
});

test("Range and If-Range are removed, because the GET would get a 206", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  await sendRequest(
    t,
    sidecar.port,
    toRequest("HEAD /", ["Range: bytes=0-1", "rAnge: bytes=5-", 'If-RANGE: "a"', "X-Range: kept"]),
  );
  const { lines } = await origin.arrival(0);
  assert.deepEqual(
    lines.filter((line) => /range/i.test(line)),
    ["X-Range: kept"],
  );
});

test("a GET keeps its Range and If-Range", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  await sendRequest(t, sidecar.port, toRequest("GET /", ["Range: bytes=0-1", 'If-Range: "a"']));
  const { lines } = await origin.arrival(0);
  assert.deepEqual(
    lines.filter((line) => /range/i.test(line)),
    ["Range: bytes=0-1", 'If-Range: "a"'],
  );
});

testOverVersions(
  "a route with head: pass sends the HEAD on as HEAD, Range and all",
  async (t, over) => {
    const origin = await startOrigin(t, text("ok"));
    const yaml = "routes: [{ path: /uploads/*, head: pass }]";
    const sidecar = await over.startSidecar(t, { upstream: origin.url, yaml });
    const answer = await over.sendRequest(
      t,
      sidecar.port,
      toRequest("HEAD /uploads/1", ["Range: bytes=0-1"]),
    );
    assert.deepEqual(fieldValues(answer, "content-length"), ["2"]);
    const arrival = await origin.arrival(0);
    assert.equal(arrival.start, "HEAD /uploads/1 HTTP/1.1");
    assert.deepEqual(fieldValues(arrival, "range"), ["bytes=0-1"]);
  },
);

const CONTENTS = {
  "a Content-Length": toRequest("HEAD /", ["Content-Length: 26"], "GET /evil HTTP/1.1\r\nX: y\r\n"),
  chunks: toRequest(
    "HEAD /",
    ["Transfer-Encoding: chunked"],
    "1a\r\nGET /evil HTTP/1.1\r\nX: y\r\n\r\n0\r\nA: b\r\n\r\n",
  ),
  "a Content-Length of 0": toRequest("HEAD /", ["Content-Length: 0"]),
};
for (const [framing, bytes] of Object.entries(CONTENTS)) {
  test(`content of a HEAD framed by ${framing} is read and dropped with its framing, and the next request is in step`, async (t) => {
    const origin = await startOrigin(t, text("ok"));
    for (const head of ["convert", "pass"]) {
      const sidecar = await startSidecar(t, { upstream: origin.url, yaml: `head: ${head}` });
      const seen = origin.arrivals.length;
      const wire = await openWire(t, sidecar.port);
      wire.write(bytes + toRequest("GET /next"));
      assert.equal((await wire.readResponse("HEAD")).status, 200);
      assert.equal((await wire.readResponse()).body.toString(), "ok");
      const [first, second] = origin.arrivals.slice(seen);
      assert.ok(first !== undefined && second !== undefined);
      assert.deepEqual(
        first.lines.filter((line) => /^(?:content-length|transfer-encoding|trailer)/i.test(line)),
        [],
      );
      assert.equal(second.target, "/next");
      assert.equal((await first.completed).body.length, 0);
    }
    assert.equal(origin.arrivals.length, 4);
  });
}

test("content that a HEAD announces and sends late does not delay its response", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("HEAD /", ["Content-Length: 4"], "1"));
  assert.equal((await wire.readResponse("HEAD")).status, 200);
  wire.write(`234${toRequest("GET /next")}`);
  assert.equal((await wire.readResponse()).body.toString(), "ok");
});

test("a HEAD that waits for 100 (Continue) gets its response with Connection: close, as its content may come or not", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("HEAD /", ["Content-Length: 26", "Expect: 100-continue"]));
  const answer = await wire.readResponse("HEAD");
  assert.equal(answer.status, 200);
  assert.deepEqual(fieldValues(answer, "connection"), ["close"]);
});
