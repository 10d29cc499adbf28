/**
 * Symptom: a POST with Content-Length: 0 got 499. Root cause: a request without bytes closes before its content is read to the end, which
 * counted as a client that disconnected. Fix: only a request that did not end has lost its client.
 */

import assert from "node:assert/strict";
import test from "node:test";
import { text } from "../support/responses.ts";
import { startOrigin } from "../support/origin.ts";
import { toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

const EMPTY = {
  "Content-Length: 0": (method: string) => toRequest(`${method} /`, ["Content-Length: 0"]),
  "chunks without content": (method: string) =>
    toRequest(`${method} /`, ["Transfer-Encoding: chunked"], "0\r\n\r\n"),
  "no framing": (method: string) => toRequest(`${method} /`),
};
for (const [framing, toBytes] of Object.entries(EMPTY)) {
  for (const method of ["POST", "PUT", "PATCH", "DELETE", "GET", "OPTIONS", "PROPFIND"]) {
    test(`${method} with ${framing} gets a response, and so does the next request on its connection`, async (t) => {
      const origin = await startOrigin(t, text("ok"));
      const sidecar = await startSidecar(t, { upstream: origin.url });
      const wire = await openWire(t, sidecar.port);
      for (const index of [0, 1, 2]) {
        wire.write(toBytes(method));
        assert.equal((await wire.readResponse()).body.toString(), "ok");
        const arrival = await origin.arrival(index);
        assert.equal(arrival.method, method);
        assert.equal((await arrival.completed).body.length, 0);
      }
    });
  }
}
