/**
 * An upload whose client disconnects before it is read does not end the process.
 *
 * Symptom: `npm run chaos` saw the process end within seconds, `Unhandled 'error' event`, ProxyError client_gone. Root cause: a request
 * with content that waits in the upstream's queue, or for its connection, has a content stream without a reader; the client's end destroys
 * that stream with an error, and Node ends a process at an error without a listener. Fix: the stream has a listener from its start on.
 */

import test from "node:test";
import assert from "node:assert/strict";
import { toHead } from "../support/responses.ts";
import { startOrigin } from "../support/origin.ts";
import { startRun } from "../support/process.ts";
import { makeDirectory } from "../support/route-file.ts";
import { openWire } from "../support/wire.ts";

for (const [how, leave] of [
  ["by a reset", "reset"],
  ["by a half-close", "halfClose"],
] as const) {
  test(`a client that disconnects ${how} while its upload waits for a connection disturbs no other`, async (t) => {
    const origin = await startOrigin(t, () => undefined);
    const folder = await makeDirectory(t, {
      "routes.yaml": `upstream: { url: "${origin.url}", maxConnections: 1 }\nlog: { access: all }\n`,
    });
    const headgate = await startRun(t, [`--config=${folder}/routes.yaml`]);
    const first = await openWire(t, headgate.port);
    first.write("GET /first HTTP/1.1\r\nHost: a\r\n\r\n");
    const arrival = await origin.arrival(0);

    const leaving = await openWire(t, headgate.port);
    leaving.write("POST /leaving HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nsome");
    // headgate reads its sockets in the order in which their bytes came: with this response, the upload waits.
    const probe = await openWire(t, headgate.port);
    probe.write("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    await probe.readResponse();
    leaving[leave]();
    await headgate.printed(/"client_gone"/);

    arrival.write(toHead("200 OK", ["Content-Length: 2"]) + "ok");
    assert.equal((await first.readResponse()).body.toString(), "ok");
    assert.deepEqual(
      origin.arrivals.map(({ target }) => target),
      ["/first"],
    );
  });
}
