/**
 * A client that disconnects after the header section, if that is all it needs, is no abort.
 *
 * Symptom: HAProxy's checks were counted as client aborts, because HAProxy closes once it knows the status. Root cause: FastAPI sends a
 * short content after its header section, and an exchange without its content counted as aborted. Fix: short content of which nothing was
 * sent does not count.
 */

import assert from "node:assert/strict";
import test from "node:test";
import { getOnly, toHead } from "../support/responses.ts";
import { type Script, startOrigin } from "../support/origin.ts";
import { sendRequest, toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

/** The header section, and content that never comes. */
const begun =
  (start: string, lines: readonly string[]): Script =>
  async (request) => {
    await request.completed;
    if (request.target === "/last") return request.write(toHead("204 No Content", []));
    request.write(toHead(start, lines));
  };
const LENGTH = begun("200 OK", ["Content-Length: 10"]);
const CHUNKED = begun("200 OK", ["Transfer-Encoding: chunked"]);
const CLOSE = begun("200 OK", ["Connection: close"]);

const CASES: Readonly<Record<string, readonly [start: string, script: Script, yaml?: string]>> = {
  "converted, with a length": ["HEAD /", LENGTH],
  "converted, chunked": ["HEAD /", CHUNKED],
  "converted, of HTTP/1.0": ["HEAD / HTTP/1.0", CHUNKED],
  "converted, to the end of the connection": ["HEAD /", CLOSE],
  "of an event stream": ["HEAD /", begun("200 OK", ["Content-Type: text/event-stream"])],
  "served as HEAD": ["HEAD /", LENGTH, "head: auto"],
  "served as HEAD, chunked": ["HEAD /", CHUNKED, "head: auto"],
  "repeated as GET": ["HEAD /", getOnly(CHUNKED), "head: auto"],
  passed: ["HEAD /", CHUNKED, "head: pass"],
  "passed, to the end of the connection": ["HEAD /", CLOSE, "head: pass"],
  observed: ["HEAD /", LENGTH, "head: observe"],
  probed: [
    "HEAD /",
    begun("206 Partial Content", ["Content-Range: bytes 0-0/9", "Content-Length: 1"]),
    "head: { range: probe }",
  ],
  shared: ["HEAD /", LENGTH, "head: { share: 1m }"],
  rejected: ["HEAD /", LENGTH, "head: reject"],
  "with content that has not come": ["HEAD / with content", LENGTH],
  "with content that has not come, passed": ["HEAD / with content", LENGTH, "head: pass"],
  "GET that has 204": ["GET /", begun("204 No Content", [])],
  "GET that has 304": ["GET /", begun("304 Not Modified", ["Content-Length: 9"])],
  "GET that has no content": ["GET /", begun("200 OK", ["Content-Length: 0"])],
  "GET whose short content has not come": ["GET /", LENGTH],
  "OPTIONS whose short content has not come": ["OPTIONS /", begun("405 No", ["Content-Length: 2"])],
  "OPTIONS that has no content": ["OPTIONS /", begun("405 No", ["Content-Length: 0"])],
};

for (const [what, [start, script, yaml = ""]] of Object.entries(CASES)) {
  for (const leave of ["reset", "halfClose"] as const) {
    test(`a request ${what} whose client leaves (${leave}) after the header section is complete`, async (t) => {
      const origin = await startOrigin(t, script);
      const more = "head: { drain: { time: 1h } }\nshutdown: { grace: 1ms }";
      const sidecar = await startSidecar(t, { upstream: origin.url, yaml: yaml || more });
      const wire = await openWire(t, sidecar.port);
      const [line = ""] = start.split(" with content");
      wire.write(toRequest(line, line === start ? [] : ["Content-Length: 9"]));
      await wire.readHead();
      wire[leave]();
      await wire.closed;
      // A later exchange: the line of the first one is written by now, except for what its drain has left.
      await sendRequest(t, sidecar.port, toRequest("GET /last"));
      const metrics = (
        await sendRequest(t, sidecar.adminPort, toRequest("GET /metrics"))
      ).body.toString();
      assert.doesNotMatch(metrics, /^headgate_client_aborts_total\{.*\} [1-9]/m);
      await sidecar.stop();
      assert.deepEqual(
        sidecar.lines.flatMap((one) => one["error.type"] ?? []),
        [],
      );
    });
  }
}

const ABORTS: Readonly<Record<string, Script>> = {
  "long content": begun("200 OK", ["Content-Length: 16385"]),
  "a stream": CHUNKED,
  "short content that has begun": async (request) => {
    await begun("200 OK", ["Content-Length: 10"])(request);
    request.write("some");
  },
};
for (const [what, script] of Object.entries(ABORTS)) {
  test(`a client that leaves ${what} of a GET is an abort`, async (t) => {
    const origin = await startOrigin(t, script);
    const sidecar = await startSidecar(t, { upstream: origin.url });
    const wire = await openWire(t, sidecar.port);
    wire.write(toRequest("GET /"));
    await wire.readHead();
    if (what.endsWith("begun")) await wire.bytes.take("some");
    wire.reset();
    const line = await sidecar.line((one) => one["http.request.method"] === "GET");
    assert.equal(line["error.type"], "client_gone");
  });
}
