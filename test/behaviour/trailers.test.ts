import assert from "node:assert/strict";
import test from "node:test";
import { chunked, text, toChunk, toHead } from "../support/responses.ts";
import { fieldValues } from "../support/message.ts";
import { startOrigin } from "../support/origin.ts";
import { toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

test("a response's trailers reach the client as trailers, in order, case and number, announced or not", async (t) => {
  const trailers = ["X-Sum: 1", "x-sum: 2", "Server-Timing: é"];
  const cases = [
    { announced: ["Trailer: X-Sum, Server-Timing"], parts: ["ok"] },
    { announced: [], parts: ["x".repeat(100_000), "x".repeat(100_000)] },
    { announced: [], parts: [] },
  ];
  for (const { announced, parts } of cases) {
    const origin = await startOrigin(t, async (request) => {
      await request.completed;
      request.write(toHead("200 OK", [...announced, "Transfer-Encoding: chunked"]));
      request.write(parts.map(toChunk).join("") + ["0", ...trailers, "", ""].join("\r\n"));
    });
    const sidecar = await startSidecar(t, { upstream: origin.url });
    const wire = await openWire(t, sidecar.port);
    for (const _ of [1, 2]) {
      wire.write(toRequest("GET /", ["TE: trailers"]));
      const answer = await wire.readResponse();
      assert.ok(answer.body.toString() === parts.join(""));
      assert.deepEqual(answer.trailers, trailers);
      assert.deepEqual(
        answer.lines.filter((line) => line.startsWith("Trailer")),
        announced,
      );
    }
  }
});

test("an HTTP/1.0 client gets the content without the trailers", async (t) => {
  const origin = await startOrigin(t, chunked(["one"], ["X-Check: 1"]));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("GET / HTTP/1.0"));
  assert.equal((await wire.readResponse()).body.toString(), "one");
});

test("trailers that frame, route or belong to the connection are left out", async (t) => {
  const forbidden = [
    "Transfer-Encoding: chunked",
    "Host: evil",
    "Connection: close",
    "Content-Type: text/html",
    "Trailer: x",
    "Keep-Alive: x",
    "Upgrade: x",
  ];
  const origin = await startOrigin(t, chunked(["ok"], [...forbidden, "X-Kept: 1"]));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("GET /", ["TE: trailers"]) + toRequest("GET /", ["TE: trailers"]));
  for (const _ of [1, 2]) assert.deepEqual((await wire.readResponse()).trailers, ["X-Kept: 1"]);
  assert.equal(
    origin.connections.length,
    2,
    "a connection whose trailers name connection fields is not reused",
  );
});

test("a Trailer field beside Content-Length announces nothing and is left out", async (t) => {
  const origin = await startOrigin(t, text("ok", ["Trailer: X-Sum"]));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  for (const method of ["GET", "HEAD", "GET"]) {
    wire.write(toRequest(`${method} /`));
    const answer = await wire.readResponse(method);
    assert.equal(answer.status, 200);
    assert.deepEqual(fieldValues(answer, "trailer"), []);
  }
});

test("a HEAD's response has neither trailers nor their announcement, and the GET after it has both", async (t) => {
  const origin = await startOrigin(t, async (request) => {
    await request.completed;
    request.write(
      `${toHead("200 OK", ["Trailer: X-Sum", "Transfer-Encoding: chunked"])}${toChunk("ok")}0\r\nX-Sum: 1\r\n\r\n`,
    );
  });
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  for (const method of ["HEAD", "HEAD", "GET"]) {
    wire.write(toRequest(`${method} /`, ["TE: trailers"]));
    const answer = await wire.readResponse(method);
    assert.deepEqual(fieldValues(answer, "trailer"), method === "GET" ? ["X-Sum"] : []);
    assert.deepEqual(answer.trailers, method === "GET" ? ["X-Sum: 1"] : []);
  }
  assert.equal(origin.connections.length, 1);
});
