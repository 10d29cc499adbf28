import assert from "node:assert/strict";
import test from "node:test";
import { startOrigin } from "../support/origin.ts";
import { toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

// Symptom: an answer whose header section came before its content reached the client with every byte above 0x7f in it doubled:
// `Cr\xe9\xe9` as `Cr\xc3\xa9\xc3\xa9`.
// Root cause: node's `flushHeaders` writes the header section as UTF-8; all its other ways of sending one write latin1.
// Fix: the header section is sent by an empty write that says latin1.
test("a header section that comes before its content keeps its bytes", async (t) => {
  const origin = await startOrigin(t, (request) => {
    request.write("HTTP/1.1 201 Cr\xe9\xe9\r\nX-A: \xe4\xff\r\nContent-Length: 2\r\n\r\n");
  });
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  wire.write(toRequest("GET /"));
  const head = await wire.readHead();
  assert.equal(head.start, "HTTP/1.1 201 Cr\xe9\xe9");
  assert.ok(head.lines.includes("X-A: \xe4\xff"), head.lines.join());
  (await origin.arrival(0)).write("ok");
  assert.equal((await wire.bytes.take(2)).toString(), "ok");
});
