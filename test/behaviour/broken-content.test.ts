import assert from "node:assert/strict";
import test from "node:test";
import { text } from "../support/responses.ts";
import { startOrigin } from "../support/origin.ts";
import { toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

/** Content that no parser can read to its end: after the first chunk comes no chunk size. */
const BROKEN = "2\r\nok\r\nzz\r\n";

// Symptom: of two requests in one segment, the second with an invalid chunk, the first got a response, and then nothing came until the idle
// limit; the upstream held a request whose content never continued.
// Root cause: the parser's error was stored for the message after the last one, but it belongs to the content of a request that was already
// queued; that request was served, and waited for content from a parser that had stopped.
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

// Symptom: the 400 for a HEAD with broken content, first on a connection or after another request, had a body.
// Root cause: refusals of malformed messages bypass Node's response, which leaves out a HEAD's content.
// Fix: if the broken message is known to be a HEAD, its refusal has no content (RFC 9110 §9.3.2).
for (const before of ["", toRequest("GET /first")]) {
  test(`a HEAD with broken content ${before === "" ? "alone" : "behind a GET"} is refused without a body`, async (t) => {
    const origin = await startOrigin(t, async (request) => {
      if (request.target === "/first") await text("ok")(request); // a response to the HEAD would end the exchange
    });
    const sidecar = await startSidecar(t, { upstream: origin.url });
    const wire = await openWire(t, sidecar.port);
    wire.write(before + toRequest("HEAD /", ["Transfer-Encoding: chunked"], BROKEN));
    if (before !== "") assert.equal((await wire.readResponse()).status, 200);
    assert.equal((await wire.readResponse("HEAD")).status, 400);
    assert.equal((await wire.bytes.takeAll()).length, 0);
  });
}
