import assert from "node:assert/strict";
import test from "node:test";
import { chunked, getOnly, text, toChunk, toHead } from "../support/responses.ts";
import { fieldValues } from "../support/message.ts";
import { type Script, startOrigin } from "../support/origin.ts";
import { sendRequest, toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";
import { testOverVersions } from "../support/versions.ts";

/** The fields that concern the connection between client and headgate. */
const HOP = /^(?:connection|keep-alive|date):/i;

function respondingWith(bytes: string): Script {
  return async (request) => {
    await request.completed;
    request.write(bytes);
  };
}

test("a HEAD to a backend that refuses HEAD gets the GET's status, reason and fields, and no body", async (t) => {
  const origin = await startOrigin(
    t,
    getOnly(text('{"status":"ok"}', ["Content-Type: application/json"])),
  );
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("HEAD /health", ["Connection: close"]));
  const answer = await wire.readResponse("HEAD");
  assert.equal(answer.start, "HTTP/1.1 200 OK");
  assert.deepEqual(
    answer.lines.filter((line) => !HOP.test(line)),
    ["Content-Type: application/json", "Content-Length: 15"],
  );
  assert.equal((await wire.bytes.takeAll()).length, 0);
});

test("the response to a HEAD has the GET's end-to-end fields in order, case and number", async (t) => {
  const lines = [
    "sErver: x",
    "Set-Cookie: a=1; Path=/",
    "X-B: 1",
    'ETag: "é"',
    "set-cookie: b=2",
    "x-b: 2",
    "X-Empty:",
    "Content-Length: 3",
    "Vary: a",
    "vary: b",
    "DATE: Sat, 29 Oct 1994 19:43:31 GMT",
  ];
  const origin = await startOrigin(t, respondingWith(`${toHead("200 Alles gut", lines)}abc`));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  for (const method of ["HEAD", "GET"]) {
    const answer = await sendRequest(t, sidecar.port, toRequest(`${method} /`));
    assert.equal(answer.start, "HTTP/1.1 200 Alles gut");
    assert.deepEqual(
      answer.lines
        .filter((line) => !/^(?:connection|keep-alive):/i.test(line))
        .map((line) => line.trim()),
      lines,
    );
  }
});

for (const reason of ["", "Très bien"]) {
  test(`the reason phrase '${reason}' passes byte for byte`, async (t) => {
    const origin = await startOrigin(
      t,
      respondingWith(`${toHead(`200 ${reason}`, ["Content-Length: 1"])}a`),
    );
    const sidecar = await startSidecar(t, { upstream: origin.url });
    for (const method of ["HEAD", "GET"]) {
      const answer = await sendRequest(t, sidecar.port, toRequest(`${method} /`));
      assert.equal(answer.start, `HTTP/1.1 200 ${reason}`);
    }
  });
}

/*
 * Symptom: `check_http -j HEAD` failed with "failed to unchunk message body" for each chunked route. Root cause: the response to a HEAD had
 * the GET's Transfer-Encoding, and some clients then look for chunks. Fix: the field is left out, as RFC 9112 §6.1 permits.
 */
const MODES: Readonly<Record<string, string>> = {
  convert: "head: convert",
  "auto, where the upstream serves HEAD": "head: auto",
  "auto, where the upstream refuses HEAD": "head: auto",
  pass: "head: pass",
  observe: "head: observe",
  "convert with measure, beyond the drain limits":
    "head: { contentLength: measure, drain: { bytes: 1B } }",
  "convert with probe": "head: { range: probe }",
  "convert with share": "head: { share: 1m }",
};
for (const [mode, yaml] of Object.entries(MODES)) {
  test(`no HEAD has Transfer-Encoding or Trailer in mode ${mode}, and its connection stays open`, async (t) => {
    const lines = ["Trailer: X-Sum", "X-A: b", "Transfer-Encoding: chunked"];
    const serve: Script = async (request) => {
      await request.completed;
      if (request.target === "/next") return text("ok")(request);
      request.write(toHead("200 OK", lines));
      if (request.method !== "HEAD") request.write(`${toChunk("content")}0\r\nX-Sum: 1\r\n\r\n`);
    };
    const origin = await startOrigin(t, mode.includes("refuses") ? getOnly(serve) : serve);
    const sidecar = await startSidecar(t, { upstream: origin.url, yaml });
    for (const version of ["1.1", "1.0"]) {
      const wire = await openWire(t, sidecar.port);
      const head = toRequest(`HEAD / HTTP/${version}`, ["Connection: keep-alive"]);
      wire.write(head + head + toRequest("GET /next", ["Connection: close"]));
      for (const _ of [1, 2]) {
        const answer = await wire.readResponse("HEAD");
        assert.deepEqual(
          answer.lines.filter((line) => !HOP.test(line) && !/^age:/i.test(line)),
          ["X-A: b"],
        );
      }
      assert.equal((await wire.readResponse()).body.toString(), "ok");
      assert.equal((await wire.bytes.takeAll()).length, 0);
    }
  });
}

test("for an HTTP/1.0 client the HEAD of a chunked GET has neither framing field", async (t) => {
  const origin = await startOrigin(t, chunked(["one", "two"]));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("HEAD / HTTP/1.0"));
  const answer = await wire.readResponse("HEAD");
  assert.equal(answer.status, 200);
  assert.deepEqual(
    answer.lines.filter((line) => /^(?:transfer-encoding|content-length)/i.test(line)),
    [],
  );
  assert.equal((await wire.bytes.takeAll()).length, 0);
});

test("headgate invents no Content-Length for a response that ends with its connection", async (t) => {
  const origin = await startOrigin(t, async (request) => {
    await request.completed;
    request.write("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nsome text");
    request.end();
  });
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const answer = await sendRequest(t, sidecar.port, toRequest("HEAD /"));
  assert.equal(answer.status, 200);
  assert.deepEqual(fieldValues(answer, "content-length"), []);
});

testOverVersions("a Content-Length of 0 stays 0", async (t, over) => {
  const origin = await startOrigin(t, text(""));
  const sidecar = await over.startSidecar(t, { upstream: origin.url });
  const answer = await over.sendRequest(t, sidecar.port, toRequest("HEAD /"));
  assert.deepEqual(fieldValues(answer, "content-length"), ["0"]);
});

testOverVersions("a Content-Length above 2^32 passes digit for digit", async (t, over) => {
  const origin = await startOrigin(
    t,
    respondingWith(toHead("200 OK", ["Content-Length: 9007199254740993"])),
  );
  const sidecar = await over.startSidecar(t, { upstream: origin.url });
  const answer = await over.sendRequest(t, sidecar.port, toRequest("HEAD /"));
  assert.deepEqual(fieldValues(answer, "content-length"), ["9007199254740993"]);
});

for (const start of [
  "201 Created",
  "301 Moved Permanently",
  "401 Unauthorized",
  "404 Not Found",
  "405 Method Not Allowed",
  "500 Internal Server Error",
  "503 Service Unavailable",
  "599 Odd",
]) {
  test(`the response to a HEAD has the GET's ${start}`, async (t) => {
    const lines = [
      "Location: /elsewhere",
      "WWW-Authenticate: Basic",
      "Allow: GET",
      "Content-Length: 4",
    ];
    const origin = await startOrigin(t, respondingWith(`${toHead(start, lines)}body`));
    const sidecar = await startSidecar(t, { upstream: origin.url });
    const answer = await sendRequest(t, sidecar.port, toRequest("HEAD /"));
    assert.equal(answer.start, `HTTP/1.1 ${start}`);
    assert.deepEqual(
      answer.lines.filter((line) => !HOP.test(line)),
      lines,
    );
  });
}

test("a 304 keeps the Content-Length of the content that it does not carry, and the next response is in step", async (t) => {
  const origin = await startOrigin(t, async (request) => {
    await request.completed;
    if (request.target === "/next") request.write(`${toHead("200 OK", ["Content-Length: 2"])}ok`);
    else request.write(toHead("304 Not Modified", ['ETag: "a"', "Content-Length: 1234"]));
  });
  const sidecar = await startSidecar(t, { upstream: origin.url });
  for (const method of ["HEAD", "GET"]) {
    const wire = await openWire(t, sidecar.port);
    wire.write(toRequest(`${method} /`, ['If-None-Match: "a"']) + toRequest("GET /next"));
    const answer = await wire.readResponse(method);
    assert.deepEqual(
      [answer.start, ...answer.lines.filter((line) => !HOP.test(line))],
      ["HTTP/1.1 304 Not Modified", 'ETag: "a"', "Content-Length: 1234"],
    );
    assert.equal((await wire.readResponse()).body.toString(), "ok");
  }
});

for (const line of [
  "X-A: b",
  "Content-Length: 0",
  "Content-Length: 7",
  "Transfer-Encoding: chunked",
  "Trailer: X-A",
]) {
  test(`a 204 with ${line} has no framing fields and no body, and the next response is in step`, async (t) => {
    const origin = await startOrigin(t, async (request) => {
      await request.completed;
      if (request.target === "/next") request.write(`${toHead("200 OK", ["Content-Length: 2"])}ok`);
      else request.write(toHead("204 No Content", [line, "X-Last: 1"]));
    });
    const sidecar = await startSidecar(t, { upstream: origin.url });
    for (const method of ["HEAD", "GET"]) {
      const wire = await openWire(t, sidecar.port);
      wire.write(toRequest(`${method} /`) + toRequest("GET /next"));
      const answer = await wire.readResponse(method);
      assert.equal(answer.status, 204);
      assert.deepEqual(
        answer.lines.filter((one) => /^(?:content-length|transfer-encoding|trailer):/i.test(one)),
        [],
      );
      assert.deepEqual(fieldValues(answer, "x-last"), ["1"]);
      assert.equal((await wire.readResponse()).body.toString(), "ok");
    }
  });
}

test("an interim response of the GET reaches the HEAD's client before the final one", async (t) => {
  const origin = await startOrigin(
    t,
    respondingWith(
      `${toHead("103 Early Hints", ["link: </a>; rel=preload"])}${toHead("200 OK", ["Content-Length: 2"])}ok`,
    ),
  );
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("HEAD /"));
  const interim = await wire.readResponse("HEAD");
  assert.deepEqual(
    [interim.start, ...interim.lines],
    ["HTTP/1.1 103 Early Hints", "link: </a>; rel=preload"],
  );
  assert.equal((await wire.readResponse("HEAD")).status, 200);
});
