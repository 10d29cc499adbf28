/** Content that ends too early or is not HTTP: its exchange ends with it, and counts once. */

import assert from "node:assert/strict";
import test from "node:test";
import { text } from "../support/responses.ts";
import { startOrigin } from "../support/origin.ts";
import { toRequest } from "../support/request.ts";
import { type Sidecar, startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

const YAML = "log: { access: all }";

/** The log's lines about the exchanges of a sidecar that has ended. */
async function exchangesOf(sidecar: Sidecar): Promise<Sidecar["lines"]> {
  await sidecar.stop();
  return sidecar.lines.filter((line) => "http.response.status_code" in line);
}

/** The status and the error of each. */
async function endsOf(sidecar: Sidecar): Promise<unknown[][]> {
  const lines = await exchangesOf(sidecar);
  return lines.map((line) => [line["http.response.status_code"], line["error.type"]]);
}

test("a broken upload gets one response and one log line, with the same id", async (t) => {
  const origin = await startOrigin(t, () => undefined);
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml: YAML });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("POST /x", ["Transfer-Encoding: chunked"], "2\r\nok\r\n"));
  await origin.arrival(0);
  wire.write("x\r\n");
  const answer = await wire.readResponse();
  assert.equal(answer.status, 400);
  await wire.closed;
  const { requestId } = JSON.parse(answer.body.toString()) as { requestId: string };
  const said = (await exchangesOf(sidecar)).map((line) => [
    line["http.response.status_code"],
    line["error.type"],
    line["route"],
    line["request_id"],
  ]);
  assert.deepEqual(said, [[400, "http_request_error", "default", requestId]]);
});

test("an upload that breaks during its response is the client's fault in the log", async (t) => {
  const origin = await startOrigin(t, (request) =>
    request.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nso"),
  );
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml: YAML });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("POST /x", ["Transfer-Encoding: chunked"], "2\r\nok\r\n"));
  await wire.readHead();
  wire.write("x\r\n");
  await wire.closed;
  const said = await endsOf(sidecar);
  assert.deepEqual(said, [[200, "http_request_error"]]);
});

test("a client that ends in the middle of its upload has disconnected, and is counted once", async (t) => {
  const origin = await startOrigin(t, () => undefined);
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml: YAML });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("POST /x", ["Content-Length: 10"], "some"));
  await origin.arrival(0);
  wire.halfClose();
  await wire.closed;
  assert.equal(wire.bytes.unread().length, 0);
  const said = await endsOf(sidecar);
  assert.deepEqual(said, [[499, "client_gone"]]);
});

for (const [what, framing, part, rest] of [
  ["ends", "Content-Length: 10", "some", ""],
  ["goes on as no HTTP", "Transfer-Encoding: chunked", "2\r\nok\r\n", "x\r\n"],
] as const) {
  test(`a request with a response gets no second one when its content ${what}`, async (t) => {
    const origin = await startOrigin(t, text("hello"));
    const sidecar = await startSidecar(t, { upstream: origin.url, yaml: YAML });
    const wire = await openWire(t, sidecar.port);
    wire.write(toRequest("HEAD /x", [framing], part));
    assert.equal((await wire.readResponse("HEAD")).status, 200);
    if (rest === "") wire.halfClose();
    else wire.write(rest);
    await wire.closed;
    assert.equal(wire.bytes.unread().toString(), "");
    const said = (await exchangesOf(sidecar)).map((line) => line["http.response.status_code"]);
    assert.deepEqual(said, [200]);
  });
}
