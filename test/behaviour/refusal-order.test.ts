/** A request that headgate has two reasons to refuse gets the same one over HTTP/1.1 and HTTP/2 (server/refusal.ts). */

import assert from "node:assert/strict";
import test from "node:test";

import { openFrames, toHeaders } from "../support/frames.ts";
import { LISTEN_HTTP2, openSession, send } from "../support/http2.ts";
import { startOrigin } from "../support/origin.ts";
import { text } from "../support/responses.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

test("a CONNECT on a connection over the limit is refused because of the limit, by both versions of HTTP", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, {
    upstream: origin.url,
    yaml: `${LISTEN_HTTP2}\nlimits: { connections: 1 }`,
    expectsErrors: true, // the limit is the operator's
  });
  assert.equal((await send(openSession(t, sidecar.port))).status, 200);

  const wire = await openWire(t, sidecar.port);
  wire.write("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n");
  assert.equal((await wire.readResponse("CONNECT")).status, 503);

  const frames = await openFrames(t, sidecar.port);
  const fields = [
    [":method", "CONNECT"],
    [":authority", "a.example:443"],
  ] as const;
  frames.write(toHeaders(1, fields, 0));
  for (const version of ["1.1", "2"]) {
    const line = await sidecar.line(
      (one) =>
        one["http.request.method"] === "CONNECT" && one["network.protocol.version"] === version,
    );
    assert.equal(line["http.response.status_code"], 503, version);
  }
});
