import assert from "node:assert/strict";
import test from "node:test";
import { text } from "../support/responses.ts";
import { startOrigin } from "../support/origin.ts";
import { toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

/** Content that no reader can take to its end: behind the first chunk there is no chunk size. */
const BROKEN = "2\r\nok\r\nzz\r\n";

// Symptom: two requests in one segment, the second with a chunk that is none: the first was answered, and then nothing came
// until the idle limit; the upstream held a request whose content never went on.
// Root cause: the parser's error was kept for the turn of a message behind the last one, but it belongs to the content of one
// that was queued already; that one was served, and waited for content from a parser that had stopped.
// Fix: when a request's turn comes after the parser has stopped within it, it is refused instead of served.
test("a pipelined request whose content is broken is refused when its turn comes", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const wire = await openWire(t, sidecar.port);
  wire.write(
    toRequest("GET /first") +
      toRequest("GET /second") +
      toRequest("POST /third", ["Transfer-Encoding: chunked"], BROKEN),
  );
  assert.equal((await wire.readResponse()).status, 200);
  assert.equal((await wire.readResponse()).status, 200);
  assert.equal((await wire.readResponse()).status, 400);
  assert.equal((await wire.bytes.takeAll()).length, 0);
  assert.deepEqual(
    origin.arrivals.map(({ target }) => target),
    ["/first", "/second"],
  );
});

// Symptom: a HEAD with broken content, at the head of a connection or behind another request, was answered 400 with a body.
// Root cause: refusals of what cannot be parsed are written past node's response, which is who leaves a HEAD's content out.
// Fix: where the broken message is known to be a HEAD, its refusal has no content (RFC 9110 §9.3.2).
for (const before of ["", toRequest("GET /first")]) {
  test(`a HEAD with broken content ${before === "" ? "alone" : "behind a GET"} is refused without a body`, async (t) => {
    const origin = await startOrigin(t, async (request) => {
      if (request.target === "/first") await text("ok")(request); // the HEAD's own answer would end the matter
    });
    const sidecar = await startSidecar(t, { upstream: origin.url });
    const wire = await openWire(t, sidecar.port);
    wire.write(before + toRequest("HEAD /", ["Transfer-Encoding: chunked"], BROKEN));
    if (before !== "") assert.equal((await wire.readResponse()).status, 200);
    assert.equal((await wire.readResponse("HEAD")).status, 400);
    assert.equal((await wire.bytes.takeAll()).length, 0);
  });
}
