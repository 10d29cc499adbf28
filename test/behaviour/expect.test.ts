import assert from "node:assert/strict";
import test from "node:test";

import { agreeing, text, toChunk, toHead } from "../support/responses.ts";
import { fieldValues } from "../support/message.ts";
import { type Arrival, type Script, startOrigin } from "../support/origin.ts";
import { sendRequest, toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

// Symptom: an app that refuses an upload by its header section (401, 413) got the upload all the same. Root cause: headgate removed
// `Expect: 100-continue` and sent 100 as soon as it had a connection to the upstream. Fix: RFC 9110 §10.1.1 requires a proxy to forward the
// expectation, and to relay the upstream's 100 or its final response; headgate sends no 100 of its own.

const EXPECT = "Expect: 100-continue";
const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";
const agree = agreeing(text("ok"));

test("the expectation is forwarded unchanged and in place, and the upstream's 100 is relayed", async (t) => {
  const origin = await startOrigin(t, async (request) => {
    request.write(toHead("103 Early Hints", ["Link: </a>"]));
    request.write(toHead("100 Go on", ["X-From: upstream"]));
    await text("ok")(request);
  });
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml: "forwarded: off" });
  const wire = await openWire(t, sidecar.port);
  for (const turn of [0, 1]) {
    wire.write(toRequest("POST /", ["A: 1", "eXpect: 100-Continue", "Content-Length: 5", "B: 2"]));
    assert.equal((await wire.readResponse()).status, 103);
    const interim = await wire.readResponse();
    assert.deepEqual([interim.start, interim.lines], ["HTTP/1.1 100 Go on", ["X-From: upstream"]]);
    wire.write("hello");
    const answer = await wire.readResponse();
    assert.deepEqual([answer.status, answer.body.toString()], [200, "ok"]);
    const { lines, body } = await (await origin.arrival(turn)).completed;
    assert.deepEqual(lines.slice(1), ["A: 1", "eXpect: 100-Continue", "Content-Length: 5", "B: 2"]);
    assert.equal(body.toString(), "hello");
  }
  assert.equal(origin.connections.length, 1);
});

for (const refusal of [
  "401 Unauthorized",
  "413 Content Too Large",
  "417 Expectation Failed",
  "200 OK",
]) {
  test(`${refusal} in place of the 100 reaches the client, and not a byte of content is requested`, async (t) => {
    const origin = await startOrigin(t, (request) => {
      const content = request.target === "/upload" ? "no thanks" : "next";
      const start = request.target === "/upload" ? refusal : "200 OK";
      request.write(`${toHead(start, ["X-A: b", `Content-Length: ${content.length}`])}${content}`);
    });
    const sidecar = await startSidecar(t, { upstream: origin.url });
    const wire = await openWire(t, sidecar.port);
    wire.write(toRequest("POST /upload", [EXPECT, "Content-Length: 5"]));
    const answer = await wire.readResponse();
    assert.equal(answer.start, `HTTP/1.1 ${refusal}`);
    assert.equal(answer.body.toString(), "no thanks");
    assert.deepEqual(fieldValues(answer, "x-a"), ["b"]);
    // RFC 9110 §10.1.1: it is unknown whether the client sends the content now, so later bytes cannot be a request.
    assert.deepEqual(fieldValues(answer, "connection"), ["close"]);
    wire.write(`hello${toRequest("GET /smuggled")}`);
    assert.equal((await wire.bytes.takeAll()).length, 0);
    const upload = await origin.arrival(0);
    await assert.rejects(upload.completed, "no content arrived");
    assert.equal(await upload.connection.closed, "end");

    const other = await openWire(t, sidecar.port);
    other.write(toRequest("GET /next"));
    assert.equal((await other.readResponse()).body.toString(), "next");
    assert.notEqual((await origin.arrival(1)).connection, upload.connection);
    assert.equal(origin.arrivals.length, 2);
  });
}

test("content of a client that does not wait for the 100 is sent upstream as it comes", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  for (const turn of [0, 1]) {
    wire.write(toRequest("POST /", [EXPECT, "Content-Length: 10"]));
    const arrival = await origin.arrival(turn); // the header section does not wait for the content
    wire.write("hello");
    await arrival.connection.bytes.take(0);
    wire.write("world");
    const answer = await wire.readResponse();
    assert.deepEqual([answer.status, answer.body.toString()], [200, "ok"]);
    assert.deepEqual(fieldValues(answer, "connection"), ["keep-alive"]);
    assert.equal((await arrival.completed).body.toString(), "helloworld");
  }
  assert.equal(origin.connections.length, 1);
});

test("content that comes with its header section is sent with it, and an upstream's late 100 is relayed", async (t) => {
  const origin = await startOrigin(t, async (request) => {
    await request.completed;
    await agree(request);
  });
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("POST /", [EXPECT, "Content-Length: 5"], `hello${toRequest("GET /next")}`));
  for (const _ of ["/", "/next"]) {
    assert.equal((await wire.readResponse()).status, 100);
    assert.equal((await wire.readResponse()).status, 200);
  }
  assert.deepEqual(fieldValues(await origin.arrival(1), "expect"), [], "of the first one only");
});

test("a refusal after the 100 leaves the client's connection in step", async (t) => {
  const origin = await startOrigin(t, async (request) => {
    if (request.target === "/next") return text("next")(request);
    request.write(`${CONTINUE}${toHead("413 Content Too Large", ["Content-Length: 0"])}`);
  });
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("POST /", [EXPECT, "Content-Length: 5"]));
  assert.equal((await wire.readResponse()).status, 100);
  const answer = await wire.readResponse();
  assert.equal(answer.status, 413);
  assert.deepEqual(fieldValues(answer, "connection"), ["keep-alive"]);
  wire.write(`hello${toRequest("GET /next")}`);
  assert.equal((await wire.readResponse()).body.toString(), "next");
});

test("chunked content may turn out to be empty", async (t) => {
  const origin = await startOrigin(t, agree);
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("PUT /", [EXPECT, "Transfer-Encoding: chunked"]));
  assert.equal((await wire.readResponse()).status, 100);
  wire.write("0\r\n\r\n");
  assert.equal((await wire.readResponse()).status, 200);
  assert.equal((await (await origin.arrival(0)).completed).body.length, 0);
});

test("an expectation of a request without content, of HTTP/1.0 or of a HEAD is not forwarded", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const requests = [
    toRequest("GET /", [EXPECT]),
    toRequest("POST /", [EXPECT, "Content-Length: 0"]),
    toRequest("POST / HTTP/1.0", [EXPECT, "Content-Length: 5"], "hello"),
    toRequest("HEAD /", [EXPECT, "Content-Length: 5"], "hello"),
  ];
  for (const request of requests) {
    const wire = await openWire(t, sidecar.port);
    wire.write(request);
    assert.equal((await wire.readResponse(request.split(" ")[0])).status, 200);
    assert.deepEqual(fieldValues(origin.arrivals.at(-1) ?? assert.fail(), "expect"), []);
  }
});

test("a Connection field cannot remove the expectation: the client would wait for a 100 that never comes", async (t) => {
  const origin = await startOrigin(t, agree);
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("POST /", ["Connection: expect", EXPECT, "Content-Length: 5"]));
  assert.equal((await wire.readResponse()).status, 100);
  wire.write("hello");
  assert.equal((await wire.readResponse()).status, 200);
});

test("an upstream that sends nothing to a waiting client is 504 after responseTimeout", async (t) => {
  const origin = await startOrigin(t, () => undefined);
  const yaml = `upstream: { url: "${origin.url}", responseTimeout: 200ms, idleTimeout: 0s }`;
  const sidecar = await startSidecar(t, { yaml });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("POST /", [EXPECT, "Content-Length: 5"]));
  const answer = await wire.readResponse();
  assert.equal(answer.status, 504);
  assert.deepEqual(fieldValues(answer, "connection"), ["close"]);
  assert.deepEqual(fieldValues(answer, "proxy-status"), ["headgate; error=http_response_timeout"]);
});

test("an upstream that sends neither 100 nor a response to the content is 504", async (t) => {
  const origin = await startOrigin(t, () => undefined);
  const yaml = `upstream: { url: "${origin.url}", responseTimeout: 200ms, idleTimeout: 0s }`;
  const sidecar = await startSidecar(t, { yaml });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("POST /", [EXPECT, "Content-Length: 5"], "hello"));
  assert.equal((await wire.readResponse()).status, 504);
  assert.equal((await (await origin.arrival(0)).completed).body.toString(), "hello");
});

/** HTTP/1.0 knows no interim response: its servers send nothing until they have the content. */
function speakOld(request: Arrival): Promise<void> {
  return request.completed.then(({ body }) => {
    request.write(`HTTP/1.0 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body.toString()}`);
    request.end();
  });
}

test("an upstream known to speak HTTP/1.0 gets no expectation, and headgate sends 100 itself", async (t) => {
  let speak: Script = speakOld;
  const origin = await startOrigin(t, (request) => speak(request));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("GET /"));
  assert.equal((await wire.readResponse()).status, 200);

  for (const turn of [1, 2]) {
    wire.write(toRequest("POST /", [EXPECT, "Content-Length: 5"]));
    assert.equal((await wire.readResponse()).start, "HTTP/1.1 100 Continue");
    assert.deepEqual(fieldValues(await origin.arrival(turn), "expect"), []);
    wire.write("hello");
    assert.equal((await wire.readResponse()).body.toString(), "hello");
  }

  // The upstream was updated: its latest version counts.
  speak = agree;
  wire.write(toRequest("GET /"));
  assert.equal((await wire.readResponse()).status, 100); // it is forwarded in any case
  assert.equal((await wire.readResponse()).status, 200);
  wire.write(toRequest("POST /", [EXPECT, "Content-Length: 5"]));
  assert.equal((await wire.readResponse()).status, 100);
  assert.deepEqual(fieldValues(await origin.arrival(4), "expect"), ["100-continue"]);
  wire.write("hello");
  assert.equal((await wire.readResponse()).status, 200);
});

test("a large upload after a 100 arrives completely, and the next request is in step", async (t) => {
  const origin = await startOrigin(t, agree);
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  const piece = "x".repeat(1024 * 1024);
  wire.write(toRequest("PUT /", [EXPECT, "Transfer-Encoding: chunked"]));
  assert.equal((await wire.readResponse()).status, 100);
  for (let count = 0; count < 8; count += 1) wire.write(toChunk(piece));
  wire.write(`0\r\n\r\n${toRequest("POST /", ["Content-Length: 2"], "hi")}`);
  assert.equal((await wire.readResponse()).status, 200);
  assert.equal((await wire.readResponse()).status, 100);
  assert.equal((await wire.readResponse()).status, 200);
  assert.equal((await (await origin.arrival(0)).completed).body.length, 8 * piece.length);
  assert.equal((await (await origin.arrival(1)).completed).body.toString(), "hi");
});

test("a request without content does not wait, and its connection stays open", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  for (const lines of [[EXPECT], [EXPECT, "Content-Length: 0"]]) {
    wire.write(toRequest("GET /", lines));
    assert.equal((await wire.readResponse()).body.toString(), "ok");
  }
});

test("a client that does not wait for 100 is served as well", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("PUT /", ["Transfer-Encoding: chunked", EXPECT], "2\r\nhi\r\n0\r\n\r\n"));
  let answer = await wire.readResponse();
  if (answer.status === 100) answer = await wire.readResponse();
  assert.equal(answer.body.toString(), "ok");
});

test("an unreachable upstream is a 502 in place of the 100, with Connection: close", async (t) => {
  const sidecar = await startSidecar(t, { upstream: "unix:/nonexistent/socket" });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("POST /", ["Content-Length: 5", EXPECT]));
  const answer = await wire.readResponse();
  assert.equal(answer.status, 502);
  assert.deepEqual(fieldValues(answer, "connection"), ["close"]);
});

test("an unknown expectation is refused with 417, with content or without", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  for (const expectation of ["bogus", "100-continue, bogus", "200-ok", ""]) {
    for (const [start, lines] of [
      ["GET /", []],
      ["HEAD /", []],
      ["POST /", ["Content-Length: 5"]],
    ] as const) {
      const answer = await sendRequest(
        t,
        sidecar.port,
        toRequest(start, [...lines, `Expect: ${expectation}`]),
      );
      assert.equal(answer.status, 417, `${start} ${expectation}`);
      assert.deepEqual(fieldValues(answer, "connection"), ["close"]);
    }
  }
  const twice = [EXPECT, "Expect: bogus", "Content-Length: 5"];
  assert.equal((await sendRequest(t, sidecar.port, toRequest("POST /", twice))).status, 417);
  assert.equal(origin.connections.length, 0);
});

test("in HTTP/1.0 an expectation means nothing", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  for (const expectation of ["100-continue", "bogus"]) {
    const answer = await sendRequest(
      t,
      sidecar.port,
      toRequest("POST / HTTP/1.0", ["Content-Length: 5", `Expect: ${expectation}`], "hello"),
    );
    assert.equal(answer.status, 200);
  }
});

const UPLOAD = toRequest("POST /x", ["Content-Length: 5", EXPECT]);

test("a client that expects 100 gets it once, sends its content and gets the response", async (t) => {
  const origin = await startOrigin(t, agreeing(text("ok")));
  const { port } = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, port);
  for (let turn = 0; turn < 2; turn += 1) {
    client.write(UPLOAD);
    assert.equal((await client.readResponse()).status, 100);
    client.write("hello");
    const answer = await client.readResponse();
    assert.deepEqual([answer.status, answer.body.toString()], [200, "ok"]);
    const { body } = await (await origin.arrival(turn)).completed;
    assert.equal(body.toString(), "hello");
  }
});

// RFC 9110 §10.1.1: a client whose content comes anyway does not wait, so the 100 may be left out.
test("content right after its header section needs no 100, and the connection stays open", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const { port } = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, port);
  client.write(`${UPLOAD}hello${toRequest("GET /y")}`);
  for (const target of ["/x", "/y"]) {
    let answer = await client.readResponse();
    if (answer.status === 100) answer = await client.readResponse();
    assert.equal(answer.status, 200, target);
    assert.deepEqual(fieldValues(answer, "connection"), ["keep-alive"], target);
  }
  assert.equal((await (await origin.arrival(0)).completed).body.toString(), "hello");
});

test("a client that leaves after its 100 frees the upstream", async (t) => {
  const origin = await startOrigin(
    t,
    agreeing(() => undefined),
  );
  const { port } = await startSidecar(t, { upstream: origin.url });
  const client = await openWire(t, port);
  client.write(UPLOAD);
  assert.equal((await client.readResponse()).status, 100);
  const connection = await origin.connection(0);
  client.reset();
  await connection.closed;
});
