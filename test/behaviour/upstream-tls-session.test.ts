/** Connections to an upstream with TLS resume the session of an earlier one. */

import assert from "node:assert/strict";
import test from "node:test";

import { startSidecar } from "../support/sidecar.ts";
import { makeCertificate, startTlsOrigin } from "../support/tls-origin.ts";
import { toRequest } from "../support/request.ts";
import { openWire } from "../support/wire.ts";

for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
  test(`a second connection of ${maxVersion} resumes the session of the first`, async (t) => {
    const certificate = makeCertificate(t, "IP:127.0.0.1");
    const resumed: boolean[] = [];
    const port = await startTlsOrigin(t, { ...certificate, maxVersion }, ({ secure }) => {
      resumed.push(secure.isSessionReused());
      secure.end("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx");
    });
    const yaml = `upstream: { url: "https://127.0.0.1:${port}", tls: { ca: ${certificate.file} } }\n`;
    const sidecar = await startSidecar(t, { yaml });
    const client = await openWire(t, sidecar.port);
    for (let round = 0; round < 3; round += 1) {
      client.write(toRequest("GET /x"));
      assert.equal((await client.readResponse()).status, 200);
    }
    assert.deepEqual(resumed, [false, true, true]);
  });
}
