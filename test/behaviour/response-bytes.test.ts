/**
 * Symptom: a header section that came before its content reached the client with every byte above 0x7f doubled.
 * Root cause: Node's `flushHeaders` writes UTF-8, while all its other writes of a header section are latin1.
 * Fix: an empty write in latin1 sends the header section.
 */

import assert from "node:assert/strict";
import test from "node:test";
import { startOrigin } from "../support/origin.ts";
import { toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

const UPGRADE = ["Connection: Upgrade", "Upgrade: x"];

for (const [what, lines] of Object.entries({ "an answer": [], "a refused upgrade": UPGRADE })) {
  test(`the bytes of ${what} whose header section comes first are unchanged`, async (t) => {
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const origin = await startOrigin(t, async (request) => {
      const { socket } = request.connection;
      socket.write("HTTP/1.1 403 N\xe9\r\nX-A: \xe4\xff\r\nContent-Length: 2\r\n\r\n", "latin1");
      await released;
      socket.write("ok");
    });
    const sidecar = await startSidecar(t, { upstream: origin.url });
    const wire = await openWire(t, sidecar.port);
    wire.write(toRequest("GET /", lines));
    const head = await wire.bytes.take(
      "HTTP/1.1 403 ".length + "N\xe9\r\nX-A: \xe4\xff\r\n".length,
    );
    release();
    assert.equal(head.toString("latin1"), "HTTP/1.1 403 N\xe9\r\nX-A: \xe4\xff\r\n");
  });
}
