// Symptom: if streams occupied every connection of an upstream, further requests waited for ever. Root cause: the queue was bounded only in
// number; every timeout began with a connection. Fix: a request waits for a connection no longer than for a response.

import assert from "node:assert/strict";
import test from "node:test";

import { toHead } from "../support/responses.ts";
import { fieldValues } from "../support/message.ts";
import { startOrigin } from "../support/origin.ts";
import { toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

test("a request for which no connection becomes free within responseTimeout is 503, with content or without", async (t) => {
  const origin = await startOrigin(t, (request) => {
    request.write(toHead("200 OK", ["Content-Type: text/event-stream", "Content-Length: 100"]));
  });
  const { port } = await startSidecar(t, {
    yaml: `upstream: { url: "${origin.url}", maxConnections: 1, responseTimeout: 300ms }`,
    expectsErrors: true,
  });
  const stream = await openWire(t, port);
  stream.write(toRequest("GET /stream"));
  await stream.readHead();
  for (const [start, fields, content] of [
    ["GET /", [], ""],
    ["HEAD /", [], ""],
    ["POST /", ["Content-Length: 2"], "ok"],
  ] as const) {
    const client = await openWire(t, port);
    client.write(toRequest(start, fields, content));
    const answer = await client.readResponse(start.slice(0, start.indexOf(" ")));
    assert.equal(answer.status, 503, start);
    // The response to a HEAD has its request id too.
    assert.match(
      fieldValues(answer, "proxy-status").join(),
      /^headgate; error=connection_limit_reached(?:;|$)/,
    );
  }
  assert.equal(origin.arrivals.length, 1);
});
